-- What the peers need in their copy of the database: the two writes as one function each, so one statement and one
-- transaction, and the indexes that their questions want. PostgreSQL keeps the plans of a function's statements.
--
-- The rows are those that Lucid writes: receipt, action or donation, transfer, the account moved, and for a donation its
-- number and event in the project and the project's totals. Lucid's sealer numbers donations a moment later in blocks;
-- here it is done in the donation's own transaction, as one does who has no sealer. Left out, to the peers' advantage:
-- keys and rights, hashes and blocks, overlapping trips, daily limits and caps, and counting donors.

CREATE TYPE recorded AS (id uuid, credited bigint, status text, available bigint, replayed boolean);
CREATE TYPE donated AS (id uuid, amount bigint, available bigint, replayed boolean);

CREATE FUNCTION record_action(
    user_id uuid, partner_id uuid, key text, type text, quantity bigint, started_at timestamptz, ended_at timestamptz
) RETURNS recorded LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    result recorded;
    new_receipt uuid := uuidv7();
    factor emission_factor;
    position account;
BEGIN
    result.id := uuidv7();
    INSERT INTO receipt (id, user_id, partner_id, key, operation, fingerprint, result_id, created_at)
    VALUES (new_receipt, $1, $2, $3, 'recordAction',
            encode(sha256(convert_to(concat_ws('|', $4, $5, $6, $7), 'UTF8')), 'hex'), result.id, now())
    ON CONFLICT (user_id, partner_id, key) DO NOTHING;
    IF NOT FOUND THEN
        SELECT a.id, a.credited_g, a.status, c.credited - c.debited - c.held, true INTO result
        FROM receipt r JOIN action a ON a.id = r.result_id JOIN account c ON c.user_id = r.user_id
        WHERE r.user_id = $1 AND r.partner_id = $2 AND r.key = $3
          AND r.fingerprint = encode(sha256(convert_to(concat_ws('|', $4, $5, $6, $7), 'UTF8')), 'hex');
        IF NOT FOUND THEN RAISE EXCEPTION 'the key was used with another input'; END IF;
        RETURN result;
    END IF;
    SELECT * INTO STRICT factor FROM emission_factor f
    WHERE f.methodology = 'BJ-2024' AND f.action_type = $4 AND f.valid_from <= $6
      AND (f.valid_to IS NULL OR $6 < f.valid_to);
    result.credited := greatest(0, $5 * (factor.baseline_mg - factor.project_mg) / (factor.per_quantity * 1000));
    result.status := 'CREDITED';
    result.replayed := false;
    INSERT INTO action (id, environment, user_id, partner_id, type, quantity, started_at, ended_at, status, calculation,
                        reduction_g, credited_g, created_at)
    VALUES (result.id, 'LIVE', $1, $2, $4, $5, $6, $7, 'CREDITED',
            jsonb_build_object('rounding', 'FLOOR_EACH_LEG', 'lines', jsonb_build_array(jsonb_build_object(
                'type', $4, 'quantity', $5, 'started_at', $6, 'ended_at', $7, 'methodology', factor.methodology,
                'factor_id', factor.id, 'factor_baseline_mg', factor.baseline_mg,
                'factor_project_mg', factor.project_mg, 'per_quantity', factor.per_quantity,
                'per_label', factor.per_label, 'source', factor.source, 'reduction_g', result.credited,
                'credited_g', result.credited))),
            result.credited, result.credited, now());
    UPDATE account SET credited = credited + result.credited WHERE user_id = $1 RETURNING * INTO STRICT position;
    INSERT INTO transfer (id, environment, user_id, partner_id, kind, amount_g, action_id, credited_after, debited_after,
                          effective_at, created_at)
    VALUES (uuidv7(), 'LIVE', $1, $2, 'EARN', result.credited, result.id, position.credited, position.debited,
            now(), now());
    result.available := position.credited - position.debited - position.held;
    RETURN result;
END $$;

CREATE FUNCTION donate(user_id uuid, partner_id uuid, project_id uuid, amount bigint, key text)
RETURNS donated LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    result donated;
    position account;
    head project_head;
BEGIN
    result.id := uuidv7();
    result.amount := $4;
    result.replayed := false;
    INSERT INTO receipt (id, user_id, partner_id, key, operation, fingerprint, result_id, created_at)
    VALUES (uuidv7(), $1, $2, $5, 'donateEnergy',
            encode(sha256(convert_to(concat_ws('|', $3, $4), 'UTF8')), 'hex'), result.id, now())
    ON CONFLICT (user_id, partner_id, key) DO NOTHING;
    IF NOT FOUND THEN
        SELECT t.id, t.amount_g, c.credited - c.debited - c.held, true INTO result
        FROM receipt r JOIN transfer t ON t.id = r.result_id JOIN account c ON c.user_id = r.user_id
        WHERE r.user_id = $1 AND r.partner_id = $2 AND r.key = $5
          AND r.fingerprint = encode(sha256(convert_to(concat_ws('|', $3, $4), 'UTF8')), 'hex');
        IF NOT FOUND THEN RAISE EXCEPTION 'the key was used with another input'; END IF;
        RETURN result;
    END IF;
    PERFORM FROM project p WHERE p.id = $3 AND p.status = 'IMPLEMENTATION';
    IF NOT FOUND THEN RAISE EXCEPTION 'the project takes no donations'; END IF;
    UPDATE account SET debited = debited + $4
    WHERE user_id = $1 AND credited - debited - held >= $4 RETURNING * INTO position;
    IF NOT FOUND THEN RAISE EXCEPTION 'the user has less energy than this'; END IF;
    INSERT INTO transfer (id, environment, user_id, partner_id, kind, amount_g, project_id, credited_after, debited_after,
                          effective_at, created_at)
    VALUES (result.id, 'LIVE', $1, $2, 'DONATE', $4, $3, position.credited, position.debited, now(), now());
    -- The project's row last: it is held until the commit.
    UPDATE project_head SET sequence = sequence + 1, energy_g = energy_g + $4, donations = donations + 1,
                            updated_at = now()
    WHERE project_id = $3 AND environment = 'LIVE' RETURNING * INTO STRICT head;
    INSERT INTO event (id, environment, project_id, sequence, kind, transfer_id, donation_id, amount_g, total_after_g,
                       donor, donor_commitment, leaf_hash, block_number, occurred_at, sealed_at)
    VALUES (uuidv7(), 'LIVE', $3, head.sequence, 'DONATION', result.id, result.id, $4, head.energy_g, '', '', '', 0,
            now(), now());
    result.available := position.credited - position.debited - position.held;
    RETURN result;
END $$;

-- The same without number, event and totals: a row for somebody else to do that later. What the peers could reach if the
-- work of the sealer were not theirs.
CREATE FUNCTION donate_later(user_id uuid, partner_id uuid, project_id uuid, amount bigint, key text)
RETURNS donated LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    result donated;
    position account;
BEGIN
    result.id := uuidv7();
    result.amount := $4;
    result.replayed := false;
    INSERT INTO receipt (id, user_id, partner_id, key, operation, fingerprint, result_id, created_at)
    VALUES (uuidv7(), $1, $2, $5, 'donateEnergy',
            encode(sha256(convert_to(concat_ws('|', $3, $4), 'UTF8')), 'hex'), result.id, now());
    PERFORM FROM project p WHERE p.id = $3 AND p.status = 'IMPLEMENTATION';
    IF NOT FOUND THEN RAISE EXCEPTION 'the project takes no donations'; END IF;
    UPDATE account SET debited = debited + $4
    WHERE user_id = $1 AND credited - debited - held >= $4 RETURNING * INTO position;
    IF NOT FOUND THEN RAISE EXCEPTION 'the user has less energy than this'; END IF;
    INSERT INTO transfer (id, environment, user_id, partner_id, kind, amount_g, project_id, credited_after, debited_after,
                          effective_at, created_at)
    VALUES (result.id, 'LIVE', $1, $2, 'DONATE', $4, $3, position.credited, position.debited, now(), now());
    INSERT INTO outbox (transfer_id, environment, project_id, user_id, kind, amount_g, donation_id, occurred_at)
    VALUES (result.id, 'LIVE', $3, $1, 'DONATION', $4, result.id, now());
    result.available := position.credited - position.debited - position.held;
    RETURN result;
END $$;

-- A user's newest of each, without walking over rows of other kinds.
CREATE INDEX action_newest_of_user ON action (user_id, id DESC)
    INCLUDE (type, quantity, started_at, credited_g, status);
CREATE INDEX donation_newest_of_user ON transfer (user_id, id DESC) INCLUDE (amount_g, created_at, project_id)
    WHERE kind = 'DONATE';
CREATE INDEX project_organisation_of_project ON project_organisation (project_id, id) INCLUDE (role, partner_id);

-- For PostGraphile, which reads the schema: donations as a table of their own, and what refers to what.
CREATE VIEW donation AS
    SELECT id, user_id, project_id, amount_g, created_at FROM transfer WHERE kind = 'DONATE';
COMMENT ON VIEW donation IS
    E'@primaryKey id\n@foreignKey (user_id) references "user" (id)\n@foreignKey (project_id) references project (id)';
COMMENT ON TABLE action IS E'@foreignKey (user_id) references "user" (id)';
COMMENT ON TABLE account IS E'@foreignKey (user_id) references "user" (id)';

VACUUM (ANALYZE) action, transfer, project_organisation;
