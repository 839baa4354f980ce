"""Nearest vectors, as SQL: exact where the scope is small, by the encoder's HNSW index where it is large."""

from backend.store.models import Encoder

# Chunks in scope up to which each is compared: 10 ms at 1,024 dimensions, and no neighbour is missed.
EXACT_UP_TO = 10_000
# An index finds neighbours before it looks whose they are; with iterative scan it goes on until enough may be seen.
_TUNING = {
    "hnsw.ef_search": "200",
    "hnsw.iterative_scan": "relaxed_order",
    "plan_cache_mode": "force_custom_plan",  # how many collections a question covers decides the plan
}


def tuning() -> str:
    """Columns of a query that set what the following searches of a transaction need."""
    return ", ".join(f"set_config('{name}', '{value}', true)" for name, value in _TUNING.items())


def dense_part(encoder_id: int, dimensions: int, *, exact: bool) -> str:
    """The chunks nearest to `:vector` within `:numbers` and not in `:hidden`, at most `:depth`, by cosine.

    Args:
        encoder_id, dimensions: whose vectors; both stand in the statement as numbers, because the index is of an
            expression with them.
        exact: compare with every vector in scope.
    """
    # With `+ 0` the order is no longer the one the HNSW index offers, and the scope not what the other index finds: of
    # the two, the planner gets the right one to choose from, also before it has seen statistics.
    distance = f"(v.emb::halfvec({dimensions:d}) <=> CAST(:vector AS halfvec({dimensions:d})))" + " + 0" * exact
    number = "v.collection_number" + " + 0" * (not exact)
    return f"""
        SELECT v.chunk_id FROM chunk_vectors v
        WHERE v.encoder_id = {encoder_id:d} AND {number} = ANY (:numbers)
          AND v.chunk_id <> ALL (:hidden)
        ORDER BY {distance} LIMIT :depth
    """  # noqa: S608 -- only integers are put in


def index_statement(encoder: Encoder) -> str:
    """Makes the index of an encoder, unless there is one."""
    return f"""
        CREATE INDEX IF NOT EXISTS {index_name(encoder.id)} ON chunk_vectors
        USING hnsw ((emb::halfvec({encoder.dimensions:d})) halfvec_cosine_ops) WHERE encoder_id = {encoder.id:d}
    """


def index_name(encoder_id: int) -> str:
    """The HNSW index of an encoder."""
    return f"chunk_vectors_hnsw_{encoder_id:d}"
