-- What settles bills, and what is promised and sent to those who do not pay.

-- Money received, and bills that owe the customer: what settles bills. free_minor is not allocated.
CREATE TABLE credit (
    account_id BIGINT NOT NULL,
    credit_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('payment', 'bill')),
    method TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    received_on TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    free_minor BIGINT NOT NULL CHECK (free_minor >= 0),
    reversed_at BIGINT,
    PRIMARY KEY (account_id, credit_id)
);

CREATE INDEX credit_free ON credit (account_id, received_on) WHERE free_minor > 0;

-- The same reference is never posted twice, whatever account it was meant for.
CREATE TABLE payment_reference (
    method TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL CHECK (reference <> ''),
    account_id BIGINT NOT NULL,
    credit_id BIGINT NOT NULL,
    PRIMARY KEY (method, reference)
);

-- So much of a credit settles so much of a bill; undone by a row of the opposite sign.
CREATE TABLE allocation (
    account_id BIGINT NOT NULL,
    allocation_id BIGINT NOT NULL,
    credit_id BIGINT NOT NULL,
    bill_id BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
    allocated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, allocation_id)
);

-- A grace date: the customer's word that he will pay until the end of a day. Its history is events.
CREATE TABLE promise (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES account (account_id),
    promised_on TEXT COLLATE "C" NOT NULL,
    made_at BIGINT NOT NULL
);

-- What was sent about one time of being overdue, by the step of the dunning table.
CREATE TABLE reminder (
    account_id BIGINT NOT NULL,
    overdue_since TEXT COLLATE "C" NOT NULL,
    step TEXT COLLATE "C" NOT NULL,
    sent_on TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, overdue_since, step, sent_on)
);
