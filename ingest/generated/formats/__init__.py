"""File formats that generated scenes are written in; one file each, its name is what people type.

A format file defines

    write(folder: Path, recording: Recording) -> None
                                 one scene into `folder`, new and empty; equal recordings give equal bytes
    write_set(root: Path, names: Sequence[str]) -> None
                                 what the format keeps beside the scenes, such as lists of splits, or in their place:
                                 then it takes the scenes' folders apart and leaves none
    SHARED                       optional: the names below `root` that write_set makes, where it makes them out of the
                                 scenes; they are not written over, and are taken away with the set
    NEXT                         the command that ingests the result, with {path} for its place

and its docstring opens with one line for the command's help. The reader of the same name in ingest/datasets takes in
what it writes.
"""
