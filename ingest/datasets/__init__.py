"""Formats that scans come in; one file each, its name is what people type after `ovstore ingest`.

A dataset file defines

    Options                      a frozen dataclass, every field with a default and metadata={"help": "..."}; the
                                 command line makes one option of each field (frame_stride -> --frame-stride);
                                 "recipe": False marks a field that changes no scene, only which ones are read;
                                 "later": True one that was added after scenes were stored: no recipe names its default
    scene_names(root: Path, options: Options) -> list[str]
                                 the scenes below `root`, sorted; BadInput that says what was looked for when none
    load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene
                                 one scene; frames are paths. What must be unpacked from a container (.sens, archives)
                                 is written once below `unpacked`, a folder of this scene alone that outlives ingest.
                                 BadScene for a scan that cannot be taken in.

and, where a scene is not all that its folder (Scene.source) holds, or more:

    scan_files(root: Path, name: str, options: Options) -> list[Path]
                                 the files and folders that it is read from, but for the images of its frames; cheap,
                                 for it is called for every scene that is up to date

and, where a look at names, poses and cameras tells that a scene or an option is missing, without one at pictures,

    check_layout(root: Path, name: str, options: Options) -> None
                                 BadScene; asked before any network is loaded

and, where scans may come with features that were fused elsewhere, these two:

    feature_paths(root: Path, name: str, options: Options) -> list[Path]
                                 the files with the scene's features, all that decides them; none: ours are made
    load_features(paths: Sequence[Path]) -> ImportedFeatures
                                 what they hold (ingest/imported.py); its scene may be `points_only`, without frames.
                                 The options that name the files are no part of the recipe: the files' digests are.

and its docstring opens with one line for the command's help, then shows the folder tree it reads.
A dataset knows no database, encoder or feature.
"""
