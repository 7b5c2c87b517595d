"""Quarterdeck side by side with its peers: `./run bench [part] [--quick]`.

    corpora   pinned code bases, verified
    peers     every contender in an environment of its own
        ▼
    a part    (`bench.index`, …) scenarios: what each contender does, and how a run is prepared
        ▼
    programs  what a scenario does inside a contender's environment, where a command is not enough
        ▼
    measure   fresh processes in turn (A B C A B C …): wall, CPU, peak memory
        ▼
    results   dated JSON -> Markdown tables -> the marked regions of README.md

Nothing here is shipped, and no test is decided by a timing.
"""
