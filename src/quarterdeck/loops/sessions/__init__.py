"""Sessions of agents: those that are over, the one at work, and the call about to be made.

    places     the files of sessions, as agents keep them or as somebody names them
    scan       files ──> transcripts ──> AgentLoopDetector ──> a report of loops with their cost
               many of them by several processes: side_by_side
    actors     a detector for each who acts in a session
    following  one file as far as it was read, and its actors
    watch      one file, as it grows ──> alarms as they come
    hook       what Claude Code asks before a call (protocol) ──> asked ──> judging
               ──> allow, tell, ask a person, block
    lesson     a loop that is certain ──> a pattern to avoid, in the pattern library
    wording    loops in words: how often, since when, and why a call is not made
    prices     what answers have cost, by the ledger's price book

Nothing here is imported before it is used: the hook runs before every call of an agent.
"""
