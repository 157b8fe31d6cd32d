def time: sub("\\.[0-9]+Z$"; "Z") | fromdateiso8601;
reduce inputs as $r ({};
  if $r["event.kind"] == "DAVIS_PROBLEM" then
    (((if $r["event.end"] then $r["event.end"] | time else 1772323200 end) - ($r["event.start"] | time)) / 60) as $m
    | .[$r["event.name"]] |= {n: (.n + 1), sum: (.sum + $m), short: (.short + (if $m < 5 and $r["event.status"] == "CLOSED" then 1 else 0 end))}
  else . end)
| map_values({problem_count: .n, avg_duration: (.sum / .n), false_positive_rate: (.short * 100 / .n)})
