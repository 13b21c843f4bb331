-- What settles bills, and what is promised and sent to those who do not pay.

-- Money received, and bills that owe the customer: what settles bills. free_minor is not allocated.
CREATE TABLE credit (
    account_id INTEGER NOT NULL,
    credit_id INTEGER NOT NULL,
    event_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('payment', 'bill')),
    method TEXT NOT NULL,
    reference TEXT NOT NULL,
    currency TEXT NOT NULL,
    received_on TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    free_minor INTEGER NOT NULL CHECK (free_minor >= 0),
    reversed_at INTEGER,
    PRIMARY KEY (account_id, credit_id)
) STRICT;

CREATE INDEX credit_free ON credit (account_id, received_on) WHERE free_minor > 0;

-- The same reference is never posted twice, whatever account it was meant for.
CREATE TABLE payment_reference (
    method TEXT NOT NULL,
    reference TEXT NOT NULL CHECK (reference <> ''),
    account_id INTEGER NOT NULL,
    credit_id INTEGER NOT NULL,
    PRIMARY KEY (method, reference)
) STRICT;

-- So much of a credit settles so much of a bill; undone by a row of the opposite sign.
CREATE TABLE allocation (
    account_id INTEGER NOT NULL,
    allocation_id INTEGER NOT NULL,
    credit_id INTEGER NOT NULL,
    bill_id INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor <> 0),
    allocated_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, allocation_id)
) STRICT;

-- A grace date: the customer's word that he will pay until the end of a day. Its history is events.
CREATE TABLE promise (
    account_id INTEGER NOT NULL PRIMARY KEY REFERENCES account (account_id),
    promised_on TEXT NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;

-- What was sent about one time of being overdue, by the step of the dunning table.
CREATE TABLE reminder (
    account_id INTEGER NOT NULL,
    overdue_since TEXT NOT NULL,
    step TEXT NOT NULL,
    sent_on TEXT NOT NULL,
    PRIMARY KEY (account_id, overdue_since, step, sent_on)
) STRICT;
