/** From questions to colours and hits: newest first, half words quietly, and again when the encoder has loaded. */

import { Latest, Problem, aborted } from "../requests.js";

/** @typedef {import("./source.js").Answer} Answer */
/** @typedef {import("./source.js").ScoreRows} ScoreRows */
/** @typedef {import("./questions.js").Question} Question */
/** @typedef {import("./tint.js").Scores} Scores */
/**
 * @typedef {object} Asked
 * @property {(scores: Scores[], asked: Question[]) => void} scores
 * @property {(answer: Answer | null) => void} hits
 * @property {(sentence: string, bad?: boolean) => void} say
 */

const WARMING_MS = 2000;

export class Asking {
  /**
   * @param {import("./source.js").Source} source
   * @param {() => number} superpoints
   * @param {Asked} told
   */
  constructor(source, superpoints, told) {
    this.source = source;
    this.superpoints = superpoints;
    this.told = told;
    this.latest = new Latest();
  }

  /**
   * @param {Question[]} questions
   * @param {string[]} not
   * @param {number} [focus] the question whose hits are listed: the last one unless said
   */
  async ask(questions, not, focus = questions.length - 1) {
    const signal = this.latest.next();
    if (!questions.length) {
      this.told.scores([], []);
      this.told.hits(null);
      return this.told.say("");
    }
    try {
      const rows = await this.rows(questions, not, signal).catch((error) => half(error, questions));
      if (rows) this.told.scores(rows, questions);
      const { words, example } = questions[focus];
      const answer = await (example ? this.source.searchLike(example, signal) : this.source.search(words, not, signal));
      const related = questions.length === 1 && answer.hits.some((hit) => hit.landmarks?.length);
      if (!rows || related) this.told.scores([ofHits(answer, this.superpoints())], questions);
      this.told.hits(answer);
      this.told.say(said(answer));
    } catch (error) {
      if (aborted(error) || signal.aborted) return;
      this.failed(error, () => !signal.aborted && this.ask(questions, not, focus));
    }
  }

  /**
   * @param {unknown} error
   * @param {() => void} again
   */
  failed(error, again) {
    if (!(error instanceof Problem)) return this.told.say(error instanceof Error ? error.message : String(error), true);
    if (error.warming) {
      this.told.say("The text encoder is loading; the question is sent as soon as it is ready.");
      setTimeout(again, WARMING_MS);
    } else if (error.status === 422) {
      this.told.say(error.near.length ? `near: ${error.near.slice(0, 6).join(", ")}` : error.message);
    } else this.told.say(error.message, true);
  }

  /**
   * A row of scores for every question: words in one request, pictures one by one.
   * @param {Question[]} questions
   * @param {string[]} not
   * @param {AbortSignal} signal
   */
  async rows(questions, not, signal) {
    const words = questions.filter((question) => !question.example).map((question) => question.words);
    const told = words.length ? byQuestion(await this.source.scores(words, not, signal), words, this.superpoints()) : [];
    /** @type {Scores[]} */
    const rows = [];
    for (const { words: name, example } of questions) {
      if (!example) rows.push(/** @type {Scores} */ (told.shift()));
      else rows.push(...byQuestion(await this.source.scoresLike(example, signal), [name], this.superpoints()));
    }
    return rows;
  }
}

/**
 * Scores by superpoint instead of by row.
 * @param {ScoreRows} rows
 * @param {string[]} names
 * @param {number} superpoints
 * @returns {Scores[]}
 */
export function byQuestion(rows, names, superpoints) {
  /** @param {(number | null)[]} values */
  const spread = (values) => {
    const all = new Float32Array(superpoints).fill(NaN);
    rows.regions.forEach((ordinal, index) => (all[ordinal] = values[index] ?? NaN));
    return all;
  };
  return rows.rows.map((row, index) => ({
    question: names[index],
    low: row.low ?? 0,
    high: row.high ?? 0,
    score: spread(row.scores),
    probability: row.probabilities ? spread(row.probabilities) : null,
  }));
}

/**
 * One sentence that is no word of the encoder may still be a relation, which only the search understands.
 * @param {unknown} error
 * @param {Question[]} questions
 */
function half(error, questions) {
  if (error instanceof Problem && error.status === 422 && questions.length === 1 && questions[0].words.includes(" ")) return null;
  throw error;
}

/**
 * The hits themselves as scores: what answers a relation is lit, nothing else.
 * @param {Answer} answer
 * @param {number} superpoints
 * @returns {Scores}
 */
function ofHits(answer, superpoints) {
  const score = new Float32Array(superpoints).fill(NaN), probability = new Float32Array(superpoints);
  for (const hit of answer.hits)
    for (const superpoint of hit.superpoints ?? []) {
      score[superpoint] = Math.max(score[superpoint] || 0, hit.score);
      probability[superpoint] = Math.max(probability[superpoint], hit.probability ?? 1);
    }
  return { question: answer.question, low: 0, high: Math.max(...answer.hits.map((hit) => hit.score), 0.1), score, probability };
}

/** @param {Answer} answer */
function said(answer) {
  const count = answer.hits.length;
  const doubt = answer.probably_here === false ? "Probably not here. " : "";
  return `${doubt}${count} ${count === 1 ? "hit" : "hits"} for ${answer.question}`;
}
