-- Search inside PostgreSQL: BM25 (Robertson and Zaragoza 2009) over term ids, and vectors beside it.
-- Only pgvector is needed. Term weights lie in a sparse vector, so that a score is one inner product; idf is
-- applied when a question is asked, so that nothing is rewritten as the collection grows.

-- Apart from `chunks`, so that scoring candidates never reads their text.
CREATE TABLE chunk_lex (
    chunk_id bigint PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
    collection_number int NOT NULL,
    tids int[] NOT NULL,                   -- distinct term ids
    sv sparsevec(1000000000) NOT NULL      -- term id: tf (k1 + 1) / (tf + k1 (1 - b + b length / reference length))
) WITH (toast_tuple_target = 8160);        -- in the row and not compressed, as long as it fits a page
ALTER TABLE chunk_lex ALTER tids SET STORAGE external, ALTER sv SET STORAGE external;
ALTER TABLE chunk_lex ALTER tids SET STATISTICS 0, ALTER sv SET STATISTICS 0;  -- no plan asks for them
CREATE INDEX chunk_lex_collection ON chunk_lex (collection_number);
CREATE INDEX chunk_lex_tids ON chunk_lex USING gin (tids);

-- How many chunks have a term, and how many a collection has: sums of rows, never one row that is updated. Writers
-- therefore neither wait for each other nor deadlock; `lex_compact` folds the rows together now and then.
CREATE TABLE lex_df (tid int NOT NULL, df int NOT NULL);
CREATE INDEX lex_df_tid ON lex_df (tid) INCLUDE (df);
CREATE TABLE lex_n (collection_number int NOT NULL, n bigint NOT NULL);
CREATE INDEX lex_n_collection ON lex_n (collection_number) INCLUDE (n);

CREATE FUNCTION lex_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'UPDATE') THEN
        INSERT INTO lex_df SELECT tid, -count(*) FROM gone, unnest(gone.tids) AS tid GROUP BY tid;
        INSERT INTO lex_n SELECT collection_number, -count(*) FROM gone GROUP BY collection_number;
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        INSERT INTO lex_df SELECT tid, count(*) FROM come, unnest(come.tids) AS tid GROUP BY tid;
        INSERT INTO lex_n SELECT collection_number, count(*) FROM come GROUP BY collection_number;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER lex_count_inserted AFTER INSERT ON chunk_lex
    REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION lex_count();
CREATE TRIGGER lex_count_updated AFTER UPDATE ON chunk_lex
    REFERENCING OLD TABLE AS gone NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION lex_count();
CREATE TRIGGER lex_count_deleted AFTER DELETE ON chunk_lex
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION lex_count();

-- Sums the rows of a term (a collection) into one. A statement sums exactly the rows it has itself deleted, so what
-- others write meanwhile is kept; of two calls at once the second does nothing. True: it was done.
CREATE FUNCTION lex_compact() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('lex_compact')) THEN
        RETURN false;
    END IF;
    WITH gone AS (
        DELETE FROM lex_df
        WHERE tid IN (SELECT tid FROM lex_df GROUP BY tid HAVING count(*) > 1 OR sum(df) = 0)
        RETURNING tid, df
    )
    INSERT INTO lex_df SELECT tid, sum(df) FROM gone GROUP BY tid HAVING sum(df) <> 0;
    WITH gone AS (
        DELETE FROM lex_n
        WHERE collection_number IN (
            SELECT collection_number FROM lex_n GROUP BY collection_number HAVING count(*) > 1 OR sum(n) = 0)
        RETURNING collection_number, n
    )
    INSERT INTO lex_n SELECT collection_number, sum(n) FROM gone GROUP BY collection_number HAVING sum(n) <> 0;
    PERFORM gin_clean_pending_list('chunk_lex_tids');
    RETURN true;
END $$;

-- The best chunks of some collections for a question, and their scores; a chunk of `also` may come twice.
--   query      distinct term ids of the question
--   numbers    collections that may be searched
--   hidden     chunks that must not be found (of documents that are not ready)
--   k          how many chunks
--   budget     candidates that are scored when the scope is large: those with the rarest terms, as many terms as
--              together occur in about `budget` chunks of the scope, and at least one
--   exact_max  up to so many chunks in scope everything is scored
--   also       chunks whose score is asked for anyway, be it 0
CREATE FUNCTION bm25(
    query int[], numbers int[], hidden bigint[], k int, budget int, exact_max int, also bigint[] DEFAULT '{}')
RETURNS TABLE (chunk_id bigint, score real)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off  -- how many chunks have a term is known here, not to the planner
AS $$
DECLARE
    total bigint;
    scope bigint;
    weights sparsevec;
    candidates int[];
BEGIN
    SELECT sum(l.n), sum(l.n) FILTER (WHERE l.collection_number = ANY (numbers)) INTO total, scope FROM lex_n l;
    IF coalesce(scope, 0) <= 0 THEN
        RETURN;
    END IF;
    WITH counted AS (
        SELECT d.tid, sum(d.df) AS df FROM lex_df d WHERE d.tid = ANY (query) GROUP BY d.tid HAVING sum(d.df) > 0
    ), ranked AS (
        SELECT c.tid, c.df, row_number() OVER rarest AS place, sum(c.df) OVER rarest AS chunks
        FROM counted c WINDOW rarest AS (ORDER BY c.df, c.tid ROWS UNBOUNDED PRECEDING)
    )
    SELECT
        ('{' || string_agg(r.tid || ':' || round(ln(1 + (total - r.df + 0.5) / (r.df + 0.5)), 5), ',' ORDER BY r.tid)
            || '}/1000000000')::sparsevec,
        array_agg(r.tid) FILTER (WHERE r.place = 1 OR r.chunks <= budget * (total::numeric / scope))
    INTO weights, candidates
    FROM ranked r;
    IF weights IS NULL THEN
        RETURN;
    END IF;
    IF scope <= exact_max THEN
        RETURN QUERY
        SELECT best.chunk_id, best.score::real FROM (
            SELECT l.chunk_id, -(l.sv <#> weights) AS score FROM chunk_lex l
            WHERE l.collection_number = ANY (numbers) AND l.chunk_id <> ALL (hidden)
            ORDER BY l.sv <#> weights, l.chunk_id LIMIT k
        ) AS best WHERE best.score > 0;
    ELSE
        RETURN QUERY
        SELECT l.chunk_id, (-(l.sv <#> weights))::real FROM chunk_lex l
        WHERE l.tids && candidates
          AND l.collection_number + 0 = ANY (numbers)  -- not by the index of collections, which finds far more
          AND l.chunk_id <> ALL (hidden)
        ORDER BY l.sv <#> weights, l.chunk_id LIMIT k;
    END IF;
    RETURN QUERY SELECT l.chunk_id, (-(l.sv <#> weights))::real FROM chunk_lex l WHERE l.chunk_id = ANY (also);
END $$;

-- Vectors of several encoders side by side. Each encoder has an HNSW index of its own over its rows, made when it is
-- registered, because the number of dimensions is part of the index.
CREATE TABLE chunk_vectors (
    chunk_id bigint NOT NULL REFERENCES chunks ON DELETE CASCADE,
    encoder_id int NOT NULL REFERENCES encoders ON DELETE CASCADE,
    collection_number int NOT NULL,
    emb halfvec NOT NULL,                  -- of length 1
    PRIMARY KEY (chunk_id, encoder_id)
) WITH (toast_tuple_target = 8160);        -- as above
ALTER TABLE chunk_vectors ALTER emb SET STORAGE external, ALTER emb SET STATISTICS 0;
CREATE INDEX chunk_vectors_scope ON chunk_vectors (encoder_id, collection_number);

-- What other programs read.
CREATE MATERIALIZED VIEW mv_searchable_chunks AS
SELECT
    c.id AS chunk_id, k.id AS collection_id, d.id AS document_id, d.title, d.file_name, c.path, c.page, c.body
FROM chunks c
JOIN documents d ON d.id = c.document_id
JOIN collections k ON k.id = d.collection_id
WHERE d.status = 'ready' AND k.deleted_at IS NULL;
CREATE UNIQUE INDEX mv_searchable_chunks_chunk ON mv_searchable_chunks (chunk_id);
CREATE INDEX mv_searchable_chunks_collection ON mv_searchable_chunks (collection_id);
