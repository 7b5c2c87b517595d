"""Sessions of agents: those that are over, the one at work, and the call about to be made.

scan    files ──> transcripts ──> AgentLoopDetector ──> a report of loops with their cost
watch   one file, as it grows ──> alarms as they come
hook    what Claude Code asks before a call ──> allow, tell, ask a person, or block
lesson  a loop that is certain ──> a pattern to avoid, in the pattern library
"""
