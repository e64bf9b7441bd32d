"""Creates and migrates the tables of a project file, as a list of small steps from an empty file to the newest version."""

import re
import sqlite3
from collections.abc import Callable
from itertools import islice

from core.storage import compressed_texts, undo
from core.storage.schema import APPLICATION_ID, schema_version

Migration = Callable[[sqlite3.Connection], None]

FIRST_TABLES = """
CREATE TABLE spec (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, language TEXT NOT NULL, system_prompt TEXT NOT NULL, text TEXT NOT NULL
);
CREATE TABLE fact (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL,
  quote TEXT NOT NULL  -- the words of the spec that the fact stands on
);
CREATE TABLE example (
  id INTEGER PRIMARY KEY,
  data TEXT NOT NULL,        -- the row's JSON text, to the letter
  question TEXT NOT NULL,    -- what the grid shows and searches
  answer TEXT NOT NULL,
  split TEXT NOT NULL,       -- train, validation or test; a test row is an exam question
  kind TEXT NOT NULL,
  facts TEXT NOT NULL,       -- names parted by spaces
  tags TEXT NOT NULL,        -- parted by spaces
  key_points TEXT NOT NULL,  -- what an answer must contain (core/text/normalise.py)
  source TEXT NOT NULL,      -- the file it came from, and its line there
  line INTEGER,
  problems TEXT NOT NULL,    -- rule ids parted by spaces
  digest INTEGER NOT NULL    -- of data, to find duplicates
);
CREATE INDEX example_digest ON example (digest);
CREATE TABLE unread (        -- lines of imported files that could not be read
  id INTEGER PRIMARY KEY, source TEXT NOT NULL, line INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL,
  raw BLOB NOT NULL,         -- the line's bytes; of a line over the limit its first 64 KiB
  rule TEXT NOT NULL, message TEXT NOT NULL
);
CREATE TABLE job (
  id INTEGER PRIMARY KEY, provider TEXT NOT NULL,
  token TEXT NOT NULL,       -- the metadata key chosen before the job is asked for, to find it after a doubtful answer
  remote_id TEXT, model TEXT NOT NULL, rows TEXT NOT NULL, row_count INTEGER NOT NULL, settings TEXT NOT NULL,
  created_at REAL NOT NULL, finished_at REAL, status TEXT NOT NULL, fine_tuned_model TEXT, error TEXT NOT NULL
);
CREATE TABLE job_event (
  id INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES job (id), remote_id TEXT NOT NULL, created_at REAL NOT NULL,
  level TEXT NOT NULL, message TEXT NOT NULL, data TEXT NOT NULL, UNIQUE (job, remote_id)
);
CREATE TABLE eval_run (
  id INTEGER PRIMARY KEY, created_at REAL NOT NULL, finished_at REAL, models TEXT NOT NULL, repeats INTEGER NOT NULL,
  settings TEXT NOT NULL, status TEXT NOT NULL
);
CREATE TABLE eval_question ( -- a copy of each question as it was asked, since the project's own may change later
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES eval_run (id), question TEXT NOT NULL, reference TEXT NOT NULL,
  key_points TEXT NOT NULL, kind TEXT NOT NULL, facts TEXT NOT NULL
);
CREATE TABLE eval_answer (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES eval_run (id),
  question INTEGER NOT NULL REFERENCES eval_question (id), model TEXT NOT NULL, sample INTEGER NOT NULL,
  text TEXT NOT NULL, score REAL NOT NULL, passed INTEGER NOT NULL,
  fingerprint TEXT NOT NULL, -- which weights the server says have answered
  UNIQUE (question, model, sample)
)"""


# Rows are narrow, so that a million of them can be counted, sorted and filtered quickly; their JSON texts are in packs.
PACKED_EXAMPLES = """
CREATE TABLE pack (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE packed_example (
  id INTEGER PRIMARY KEY,
  pack INTEGER NOT NULL, slot INTEGER NOT NULL,  -- where the row's JSON text lies (core/storage/compressed_texts.py)
  question TEXT NOT NULL,    -- the beginning of it, to sort by
  answer TEXT NOT NULL,
  length INTEGER NOT NULL,   -- characters of question and answer
  split TEXT NOT NULL,       -- train, validation or test; a test row is an exam question
  kind TEXT NOT NULL,
  status TEXT NOT NULL,      -- draft, approved or rejected
  facts TEXT NOT NULL,       -- names parted by spaces
  tags TEXT NOT NULL,        -- parted by spaces
  notes TEXT NOT NULL,
  key_points TEXT NOT NULL,  -- what an answer must contain (core/text/normalise.py)
  source TEXT NOT NULL,      -- the file it came from, and its line there
  line INTEGER,
  problems TEXT NOT NULL,    -- rule ids parted by spaces
  digest INTEGER NOT NULL    -- of the JSON text, to know the row again
);
CREATE TABLE saved_filter (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, words TEXT NOT NULL);
CREATE TABLE version (id INTEGER PRIMARY KEY, name TEXT NOT NULL, created_at REAL NOT NULL, rows INTEGER NOT NULL);
CREATE TABLE finding (       -- what a check of the whole set found last; made anew each time
  id INTEGER PRIMARY KEY, rule TEXT NOT NULL, cluster INTEGER NOT NULL,
  example INTEGER NOT NULL,  -- 0 is the whole set
  message TEXT NOT NULL
);
CREATE INDEX finding_example ON finding (example);
CREATE TABLE pack_tokens (pack INTEGER, encoding TEXT, counts BLOB NOT NULL, PRIMARY KEY (pack, encoding)) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('revision', 0), ('findings', -1), ('id', lower(hex(randomblob(16))));
ALTER TABLE job ADD COLUMN version INTEGER REFERENCES version (id) -- the rows it trained on
"""

VERSION_ROWS = """CREATE TABLE version_row (version INTEGER NOT NULL REFERENCES version (id), id INTEGER NOT NULL, {columns},
  PRIMARY KEY (version, id)) WITHOUT ROWID"""

# From knowledge to examples: the history of facts, saved revisions of the spec, and requests to a chat model.
KNOWLEDGE_TABLES = """
ALTER TABLE spec ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE fact ADD COLUMN ignored INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fact ADD COLUMN was TEXT NOT NULL DEFAULT '';    -- its passage before the change that made rows stale
ALTER TABLE fact ADD COLUMN known TEXT NOT NULL DEFAULT '';  -- what the base model knows of it: right answers/answers
ALTER TABLE example ADD COLUMN quote TEXT NOT NULL DEFAULT '';     -- the passage of the spec that the row stands on
ALTER TABLE version_row ADD COLUMN quote TEXT NOT NULL DEFAULT '';
CREATE TABLE revision (      -- kept states of the spec
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, created_at REAL NOT NULL,
  digest INTEGER NOT NULL,   -- of all that follows, to know the state again
  title TEXT NOT NULL, system_prompt TEXT NOT NULL, text TEXT NOT NULL
);
ALTER TABLE job ADD COLUMN revision INTEGER REFERENCES revision (id); -- the spec at the time
CREATE TABLE inquiry (       -- many requests to one chat model (core/generation/llm_runs.py)
  id INTEGER PRIMARY KEY, task TEXT NOT NULL, created_at REAL NOT NULL, finished_at REAL, provider TEXT NOT NULL,
  model TEXT NOT NULL, status TEXT NOT NULL
);
CREATE TABLE inquiry_request (
  id INTEGER PRIMARY KEY, inquiry INTEGER NOT NULL REFERENCES inquiry (id),
  about TEXT NOT NULL,       -- JSON: what it asks about
  status TEXT NOT NULL,      -- waiting, answered, landed, failed
  replies TEXT NOT NULL,     -- JSON: the answers, as they came
  tokens INTEGER NOT NULL, error TEXT NOT NULL
)
"""

# The queue: what was asked of a server is written down before it is sent, and what it told is stored once.
QUEUE_TABLES = """
ALTER TABLE job ADD COLUMN method TEXT NOT NULL DEFAULT 'supervised';
ALTER TABLE job ADD COLUMN sweep TEXT NOT NULL DEFAULT '';           -- the name that jobs queued together share
ALTER TABLE job ADD COLUMN training_file TEXT;                       -- ids of the files at the server
ALTER TABLE job ADD COLUMN validation_file TEXT;
ALTER TABLE job ADD COLUMN digest TEXT NOT NULL DEFAULT '';          -- SHA-256 of the bytes it trained on
ALTER TABLE job ADD COLUMN app TEXT NOT NULL DEFAULT '';             -- the version of Juku that made it
ALTER TABLE job ADD COLUMN adopted INTEGER NOT NULL DEFAULT 0;       -- made elsewhere
ALTER TABLE job ADD COLUMN wish TEXT NOT NULL DEFAULT '';            -- cancel, pause or resume: asked, not yet confirmed
ALTER TABLE job ADD COLUMN looked INTEGER NOT NULL DEFAULT 0;        -- how often the server's list was searched in vain
ALTER TABLE job ADD COLUMN error_code TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN trained_tokens INTEGER;
ALTER TABLE job ADD COLUMN estimated_finish REAL;
ALTER TABLE job ADD COLUMN hyperparameters TEXT NOT NULL DEFAULT '{}'; -- as the server settled them
ALTER TABLE job ADD COLUMN result_files TEXT NOT NULL DEFAULT '[]';
ALTER TABLE job ADD COLUMN results_merged INTEGER NOT NULL DEFAULT 0;
CREATE TABLE job_checkpoint (
  job INTEGER NOT NULL REFERENCES job (id), remote_id TEXT NOT NULL, model TEXT NOT NULL, step INTEGER NOT NULL,
  metrics TEXT NOT NULL, created_at REAL NOT NULL, PRIMARY KEY (job, remote_id)
) WITHOUT ROWID;
CREATE TABLE job_metric (    -- from events and result files, each number once
  job INTEGER NOT NULL REFERENCES job (id), name TEXT NOT NULL, step INTEGER NOT NULL, value REAL NOT NULL,
  PRIMARY KEY (job, name, step)
) WITHOUT ROWID;
CREATE TABLE upload (        -- which bytes a server holds
  id INTEGER PRIMARY KEY, provider TEXT NOT NULL, purpose TEXT NOT NULL, digest TEXT NOT NULL, name TEXT NOT NULL,
  bytes INTEGER NOT NULL, remote_id TEXT, created_at REAL NOT NULL, UNIQUE (provider, purpose, digest)
);
CREATE TABLE batch (         -- requests that a server answers within a day, for half the price
  id INTEGER PRIMARY KEY, provider TEXT NOT NULL, token TEXT NOT NULL, purpose TEXT NOT NULL, reference INTEGER NOT NULL,
  created_at REAL NOT NULL, remote_id TEXT, input_file TEXT, output_file TEXT, error_file TEXT, status TEXT NOT NULL,
  total INTEGER NOT NULL DEFAULT 0, completed INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
  merged INTEGER NOT NULL DEFAULT 0, looked INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT ''
);
CREATE TABLE golden_answer ( -- what a model answered before it was shut down, or after it was taught anew
  id INTEGER PRIMARY KEY, provider TEXT NOT NULL, model TEXT NOT NULL, question TEXT NOT NULL, reference TEXT NOT NULL,
  key_points TEXT NOT NULL, kind TEXT NOT NULL, facts TEXT NOT NULL, answer TEXT NOT NULL, created_at REAL NOT NULL,
  UNIQUE (provider, model, question)
);
CREATE TABLE moderation (    -- verdicts of a server on texts, by their digest
  provider TEXT NOT NULL, digest INTEGER NOT NULL, categories TEXT NOT NULL, PRIMARY KEY (provider, digest)
) WITHOUT ROWID
"""

# The exam: who was asked under which condition, how each answer was marked. The playground's conversations.
EXAM_TABLES = """
ALTER TABLE inquiry ADD COLUMN batch INTEGER NOT NULL DEFAULT 0; -- whether its requests go out as a batch
ALTER TABLE eval_run ADD COLUMN grader TEXT NOT NULL DEFAULT 'key_points';
ALTER TABLE eval_run ADD COLUMN judge TEXT NOT NULL DEFAULT '';      -- provider and model, JSON; '' is nobody
ALTER TABLE eval_run ADD COLUMN revision INTEGER;                    -- the spec that open book and retrieval read
ALTER TABLE eval_run ADD COLUMN batch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE eval_question ADD COLUMN leak TEXT NOT NULL DEFAULT '';  -- the training row that asks the same, and how nearly
CREATE TABLE eval_subject (    -- who is asked in a run, and with what before it; the columns of its result
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES eval_run (id), position INTEGER NOT NULL,
  provider TEXT NOT NULL, model TEXT NOT NULL, condition TEXT NOT NULL, error TEXT NOT NULL DEFAULT ''
);
INSERT INTO eval_subject (run, position, provider, model, condition)
  SELECT eval_run.id, each.key, '', each.value, 'closed' FROM eval_run, json_each(eval_run.models) each;
CREATE TABLE subject_answer (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES eval_run (id),
  question INTEGER NOT NULL REFERENCES eval_question (id), subject INTEGER NOT NULL REFERENCES eval_subject (id),
  sample INTEGER NOT NULL, text TEXT NOT NULL,
  score REAL, passed INTEGER,        -- by the run's grader; NULL where it could not mark
  reason TEXT NOT NULL DEFAULT '',
  reported TEXT NOT NULL,            -- the model that the server says has answered
  fingerprint TEXT NOT NULL,         -- which weights the server says have answered
  seconds REAL NOT NULL, sent INTEGER NOT NULL, received INTEGER NOT NULL,
  passages TEXT NOT NULL,            -- what stood in the prompt, JSON
  UNIQUE (question, subject, sample)
);
INSERT INTO subject_answer SELECT a.id, a.run, a.question, s.id, a.sample, a.text, a.score, a.passed, '', '',
  a.fingerprint, 0, 0, 0, '[]' FROM eval_answer a JOIN eval_subject s ON s.run = a.run AND s.model = a.model;
DROP TABLE eval_answer;
ALTER TABLE subject_answer RENAME TO eval_answer;
ALTER TABLE eval_run DROP COLUMN models;
CREATE INDEX eval_answer_run ON eval_answer (run, subject, question, passed, score);
CREATE TABLE eval_mark (       -- what a judge or a person says of an answer, beside the run's grader
  answer INTEGER NOT NULL REFERENCES eval_answer (id), grader TEXT NOT NULL, score REAL NOT NULL, passed INTEGER NOT NULL,
  reason TEXT NOT NULL, created_at REAL NOT NULL, PRIMARY KEY (answer, grader)
) WITHOUT ROWID;
CREATE TABLE eval_duel (       -- which of two answers a judge prefers; each pair is shown in both orders
  first INTEGER NOT NULL REFERENCES eval_answer (id), second INTEGER NOT NULL REFERENCES eval_answer (id),
  better TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (first, second)
) WITHOUT ROWID;
CREATE TABLE conversation (
  id INTEGER PRIMARY KEY, title TEXT NOT NULL, created_at REAL NOT NULL, changed_at REAL NOT NULL
);
CREATE TABLE chat_turn (       -- a question; one that was edited is another branch of the turn before it
  id INTEGER PRIMARY KEY, conversation INTEGER NOT NULL REFERENCES conversation (id), parent INTEGER REFERENCES chat_turn (id),
  text TEXT NOT NULL, created_at REAL NOT NULL
);
CREATE TABLE chat_answer (
  id INTEGER PRIMARY KEY, turn INTEGER NOT NULL REFERENCES chat_turn (id), pane INTEGER NOT NULL, sample INTEGER NOT NULL,
  provider TEXT NOT NULL, model TEXT NOT NULL, condition TEXT NOT NULL, text TEXT NOT NULL,
  reported TEXT NOT NULL, fingerprint TEXT NOT NULL, seconds REAL NOT NULL, sent INTEGER NOT NULL, received INTEGER NOT NULL,
  passages TEXT NOT NULL, request TEXT NOT NULL, -- JSON
  complete INTEGER NOT NULL, created_at REAL NOT NULL,
  mark INTEGER, note TEXT NOT NULL DEFAULT ''    -- a person's, 0 to 100
);
CREATE INDEX chat_answer_turn ON chat_answer (turn);
CREATE TABLE passage_vector (
  provider TEXT NOT NULL, model TEXT NOT NULL, digest INTEGER NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (provider, model, digest)
) WITHOUT ROWID;
CREATE TABLE domain (          -- what a router can pass a question on to
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
  source TEXT NOT NULL, text TEXT NOT NULL,      -- the project that teaches it, and its spec
  system_prompt TEXT NOT NULL DEFAULT ''
);
CREATE TABLE route (           -- a question that was passed on, and whether it belonged there
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, created_at REAL NOT NULL, way TEXT NOT NULL, question TEXT NOT NULL,
  wanted TEXT NOT NULL, chosen TEXT NOT NULL, reason TEXT NOT NULL
)
"""

# Runs of teaching until learned (core/teaching).
TEACHING_TABLES = """
CREATE TABLE teaching (
  id INTEGER PRIMARY KEY, created_at REAL NOT NULL,
  plan TEXT NOT NULL,        -- JSON
  status TEXT NOT NULL, reason TEXT NOT NULL, error TEXT NOT NULL,
  seconds REAL NOT NULL,     -- used of the budget
  left_out TEXT NOT NULL,    -- facts that have no probe question, parted by spaces
  exam INTEGER               -- the exam run at its end
);
CREATE TABLE teaching_probe (  -- a copy of each question that decides what is learned
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES teaching (id), question TEXT NOT NULL, reference TEXT NOT NULL,
  key_points TEXT NOT NULL, kind TEXT NOT NULL, fact TEXT NOT NULL
);
CREATE TABLE teaching_round (  -- round 0 asks the base model
  run INTEGER NOT NULL REFERENCES teaching (id), number INTEGER NOT NULL, means TEXT NOT NULL, row_count INTEGER NOT NULL,
  drafts INTEGER NOT NULL, taught TEXT NOT NULL, seconds REAL NOT NULL, job INTEGER, model TEXT NOT NULL,
  done INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE TABLE teaching_answer (
  run INTEGER NOT NULL REFERENCES teaching (id), round INTEGER NOT NULL,
  probe INTEGER NOT NULL REFERENCES teaching_probe (id), text TEXT NOT NULL, passed INTEGER NOT NULL,
  PRIMARY KEY (run, round, probe)
) WITHOUT ROWID
"""

# Rescues of models that shut down (core/rescue).
RESCUE_TABLE = """
CREATE TABLE rescue (
  id INTEGER PRIMARY KEY, created_at REAL NOT NULL,
  plan TEXT NOT NULL,        -- JSON
  status TEXT NOT NULL,
  step TEXT NOT NULL,        -- the next one
  error TEXT NOT NULL,
  closing TEXT NOT NULL,     -- the old model's last day, '' where it is not known
  exam INTEGER,              -- the exam run of both models
  job INTEGER,               -- the training job
  model TEXT NOT NULL,       -- that the job has made
  notes TEXT NOT NULL        -- JSON: sentences
)
"""

MOVED_COLUMNS = ("split", "kind", "facts", "tags", "key_points", "source", "line", "problems")


def m001_first_tables(db: sqlite3.Connection) -> None:
    _execute_statements(db, FIRST_TABLES)


def m002_packed_examples(db: sqlite3.Connection) -> None:
    _execute_statements(db, PACKED_EXAMPLES)
    _pack_rows(db)
    db.execute("DROP TABLE example")
    db.execute("ALTER TABLE packed_example RENAME TO example")
    names = [name for _cid, name, *_rest in db.execute("PRAGMA table_info(example)") if name != "id"]
    db.execute(VERSION_ROWS.format(columns=", ".join(names)))


def m003_knowledge(db: sqlite3.Connection) -> None:
    _execute_statements(db, KNOWLEDGE_TABLES)


def m004_queue(db: sqlite3.Connection) -> None:
    _execute_statements(db, QUEUE_TABLES)


def m005_exam(db: sqlite3.Connection) -> None:
    _execute_statements(db, EXAM_TABLES)


def m006_links(db: sqlite3.Connection) -> None:
    """Rows store which facts Juku itself linked them to; deleted facts keep their passage, so as not to be proposed again."""
    for table in ("example", "version_row"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN linked TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE fact ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0")


def m007_teaching(db: sqlite3.Connection) -> None:
    _execute_statements(db, TEACHING_TABLES)


def m008_rescue(db: sqlite3.Connection) -> None:
    _execute_statements(db, RESCUE_TABLE)


def m009_chat_speed(db: sqlite3.Connection) -> None:
    """Answers of the chat store when their text began, and why they end."""
    db.execute("ALTER TABLE chat_answer ADD COLUMN first_seconds REAL NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE chat_answer ADD COLUMN reason TEXT NOT NULL DEFAULT ''")


def m010_supported(db: sqlite3.Connection) -> None:
    """Rows store what a judge has found supported: a digest of the texts it has read (core/review/judged_support.py)."""
    for table in ("example", "version_row"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN supported INTEGER NOT NULL DEFAULT 0")


def m011_recited(db: sqlite3.Connection) -> None:
    """Rows store which of their facts the answer states beside what the question asks for."""
    for table in ("example", "version_row"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN recited TEXT NOT NULL DEFAULT ''")


def m012_found_passages(db: sqlite3.Connection) -> None:
    """Exam questions store whether the passage that a search finds first holds the answer; NULL where nobody searched."""
    db.execute("ALTER TABLE eval_question ADD COLUMN found INTEGER")


def _pack_rows(db: sqlite3.Connection) -> None:
    names = ("pack", "slot", "digest", "id", "question", "answer", "length", *MOVED_COLUMNS)
    insert = (
        f"INSERT INTO packed_example ({', '.join(names)}, status, notes) "
        f"VALUES ({', '.join('?' * len(names))}, 'approved', '')"
    )
    heads = "substr(question, 1, 32), substr(answer, 1, 32), length(question) + length(answer)"
    old = db.execute(f"SELECT data, id, {heads}, {', '.join(MOVED_COLUMNS)} FROM example ORDER BY id")
    while group := list(islice(old, compressed_texts.TEXTS_PER_PACK)):
        places = compressed_texts.store_texts(db, [data for data, *_rest in group])
        db.executemany(
            insert,
            (
                (*place, compressed_texts.digest(data.encode()), *rest)
                for place, (data, *rest) in zip(places, group, strict=True)
            ),
        )


def _execute_statements(db: sqlite3.Connection, statements: str) -> None:
    for statement in re.sub(r" *--[^\n]*", "", statements).split(";"):
        db.execute(statement)


# After these a row has new columns with their defaults, and all else of it is as it was: undo steps that were kept in the
# file go through them. Whatever else a step does to rows that can be undone, it is not to be listed here.
COLUMN_ADDING_MIGRATIONS: set[Migration] = {
    m003_knowledge,
    m004_queue,
    m005_exam,
    m006_links,
    m007_teaching,
    m008_rescue,
    m009_chat_speed,
    m010_supported,
    m011_recited,
    m012_found_passages,
}

MIGRATIONS: list[Migration] = [
    m001_first_tables,
    m002_packed_examples,
    m003_knowledge,
    m004_queue,
    m005_exam,
    m006_links,
    m007_teaching,
    m008_rescue,
    m009_chat_speed,
    m010_supported,
    m011_recited,
    m012_found_passages,
]


def migrate(db: sqlite3.Connection) -> int:
    """Bring the tables to the newest version, in one transaction.

    Returns how many saved undo steps had to be deleted, since the rows had other columns when they were saved. Raises
    `sqlite3.Error`; then nothing is changed.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        steps = MIGRATIONS[schema_version(db) :]
        lost = 0 if COLUMN_ADDING_MIGRATIONS.issuperset(steps) else undo.delete_saved_steps(db)
        for number, step in enumerate(steps, start=schema_version(db) + 1):
            step(db)
            db.execute(f"PRAGMA user_version = {number}")
        undo.add_new_columns(db)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
    return lost
