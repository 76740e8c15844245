-- The pictures the demo brings: filled by the seed where it has a place for files.
create temp table seed_pictures (
  file text not null, kind text not null, category_code text, person integer not null, bytes bigint not null, sha256 bytea not null
)
