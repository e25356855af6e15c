"""Classes that answers are evaluated by; one JSON file each, its name is what people type.

A label set file holds an object with

    title, source, url, licence   what it is, who says so, where that stands, under which terms
    notes                         what a reader has to know; may be left out
    colours                       where its colours come from
    ignore_id                     what the dataset's own files write for "no class", or null
    classes                       a list in the order of class indices (from 0), of objects with
        id, name                  the dataset's own number, and the name that people read
        rgb                       [r, g, b]; left out in all classes, where no palette was published: it is made
        group                     head, thing, fold 0 ...; may be left out
        words                     texts that a network is asked with, where it is not the name alone
        synonyms                  other spellings of the name
        raw                       the dataset's own labels that fall into this class
    stuff                         names of classes that do not come in instances; left out: those of group stuff, else
                                  wall, floor and ceiling
    ignored                       the dataset's own labels that fall into none
    table                         {"file": NAME, "names": [columns], "value": column}: a table of `raw_names/` that says
                                  more of both. What stands in one of the columns `names` (the first that knows it
                                  counts) falls into the class whose id or name is in column `value`, else into none.

Facts only, from the source that the file names.
"""
