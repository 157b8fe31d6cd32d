WITH e AS (
  SELECT "event.name" AS name, "event.status" AS status,
    epoch(coalesce("event.end"::TIMESTAMP, TIMESTAMP '2026-03-01') - "event.start"::TIMESTAMP) / 60 AS minutes
  FROM read_json(FILE, format = 'newline_delimited', columns = {"event.kind": 'VARCHAR', "event.name": 'VARCHAR', "event.status": 'VARCHAR', "event.start": 'VARCHAR', "event.end": 'VARCHAR'})
  WHERE "event.kind" = 'DAVIS_PROBLEM')
SELECT name, count(*), avg(minutes), count(*) FILTER (WHERE minutes < 5 AND status = 'CLOSED') * 100.0 / count(*)
FROM e GROUP BY name
