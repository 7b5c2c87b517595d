"""The cost ledger: what agents spent, on what, why, and whether it will run out.

One request, from the call to the answer, and the room each step lives in:

    CostTracker.log_request()          tracker       the published API; the hot path: no SQLite, no msgspec
    transcripts of agents              importers     Claude Code, Codex, Gemini CLI, OpenCode, legacy files
    responses, litellm, OTLP           capture       live
        │  a Request: model, Usage, labels
        ▼
    price      Usage x RateCard -> integer pico-dollars; no card = unpriced      pricing
        ▼
    record     one JSON line, one write(2); the truth                            ledger -> quarterdeck.journal
        ▼
    roll up    new lines -> cells and sessions, with the offsets they came from, ledger.rollup
        │      in one transaction; a pure function of the journal's lines
        ▼
    answer     summary, report, what-if, why, budgets, verify                    -> CLI / MCP / web
               CSV, Parquet, PostgreSQL, OTLP                                    exporters

On disk, in one folder per user (not per project: people ask what their agents spent, wherever it was;
the project is a label of each record):

    journal/        segments of JSON lines: the truth, written only by appending
    rollup.sqlite   derived; delete it at any time
    imports.sqlite  derived; how far each transcript has been read
    ledger.json     the time zone of its days, and the tags that get cells
    budgets.sqlite  budgets, and what is reserved under them
    leases/         one locked file per process that holds a reservation
    ledger.id       the name that databases know this ledger by; a copied folder has it too
    legacy/         derived; what has been taken in of the specification's files
    archive/        transcripts that were rescued

Money is an integer of pico-dollars (1e-12 USD) from the call to the report. Floats appear only in what
the published API returns, and there each is the float nearest to the exact amount.
"""
