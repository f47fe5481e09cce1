-- wrk's part of the benchmark: requests from a file, taken at random, and the figures as one line of JSON.
-- Arguments: the file, with "METHOD PATH BODY" on each line; the seed.

local requests = {}

function init(arguments)
  math.randomseed(tonumber(arguments[2]) + 1)
  for line in io.lines(arguments[1]) do
    local method, path, body = line:match("^(%S+) (%S+) (.*)$")
    local headers = { ["Accept"] = "application/json" }
    if body == "" then
      body = nil
    else
      headers["Content-Type"] = "application/json"
    end
    requests[#requests + 1] = wrk.format(method, path, headers, body)
  end
end

function request()
  return requests[math.random(#requests)]
end

function done(summary, latency, _)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%.1f,"p99":%.1f,"max":%.1f,' ..
    '"errors":{"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.status, errors.connect, errors.read, errors.write, errors.timeout))
end
