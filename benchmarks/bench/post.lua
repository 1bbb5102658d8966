-- Posts the files of a folder in turn: wrk ... -s post.lua URL -- FOLDER CONTENT_TYPE COOKIE
local requests, number = {}, 0

function init(arguments)
  local headers = { ["Content-Type"] = arguments[2], ["Cookie"] = arguments[3] }
  for place = 0, 63 do
    local file = io.open(arguments[1] .. "/" .. place, "rb")
    requests[place] = wrk.format("POST", nil, headers, file:read("*a"))
    file:close()
  end
end

function request()
  number = (number + 1) % 64
  return requests[number]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format('{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p99": %f}\n',
    summary.requests, summary.duration / 1e6,
    errors.status + errors.connect + errors.read + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
