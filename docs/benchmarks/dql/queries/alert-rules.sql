WITH e AS (
  SELECT "event.id" AS id, arg_max("event.name", "timestamp") AS name, arg_max("event.status", "timestamp") AS status,
    arg_max("event.start", "timestamp")::TIMESTAMP AS started, arg_max(coalesce("event.end", ''), "timestamp") AS ended
  FROM read_json(FILE, format = 'newline_delimited', columns = {"event.id": 'VARCHAR', "timestamp": 'VARCHAR', "event.kind": 'VARCHAR', "event.name": 'VARCHAR', "event.status": 'VARCHAR', "event.start": 'VARCHAR', "event.end": 'VARCHAR'})
  WHERE "event.kind" = 'DAVIS_PROBLEM' GROUP BY "event.id"),
m AS (SELECT name, status, epoch(coalesce(nullif(ended, '')::TIMESTAMP, TIMESTAMP '2026-03-01') - started) / 60 AS minutes FROM e)
SELECT * FROM (
  SELECT name, count(*) AS n, avg(minutes), count(*) FILTER (WHERE minutes < 5 AND status = 'CLOSED') * 100.0 / count(*) AS rate
  FROM m GROUP BY name)
WHERE rate > 30 OR n > 50
