-- Sends one workload; every request is another user, project or key. Arguments: a file with what the workload says
-- (bench/generator.py writes it), the path of the known users and projects, and the number of the first request.
--
-- Answers are looked at, each of them: a status other than 200, "errors" with something in it, or an answer without the
-- text that a right one has, counts as wrong, and the first wrong one is printed.

local threads = {}
function setup(thread)
  table.insert(threads, thread)
end

local spec, users, projects, users_n, projects_n
local counter
right, wrong, first_wrong = 0, 0, ""

local function read(path)
  local file = assert(io.open(path, "r"))
  local text = file:read("*a")
  file:close()
  return text
end

function init(args)
  spec = dofile(args[1])
  users, projects = {}, {}
  for line in io.lines(args[2]) do
    local kind, id, key = line:match("^(%S+) (%S+) ?(%S*)$")
    if kind == "user" then
      users[#users + 1] = { id, key }
    else
      projects[#projects + 1] = id
    end
  end
  users_n, projects_n = #users, #projects
  counter = tonumber(args[3])
  math.randomseed(counter + 1)
  -- Requests are put together from what stays the same before and after the variables.
  before = { }
  for key, auth in pairs(spec.keys) do
    before[key] = "POST " .. spec.path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      .. "Accept: application/json\r\n" .. auth
  end
end

local days = 6
local function moment(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)
end

local function post(key, variables)
  local body = spec.body .. variables .. "}"
  return before[key] .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

local function fill(template, values)
  return (template:gsub("%$(%w+)", values))
end

local function app(user)
  return spec.apps[tonumber(user[2])] or ""
end

function request()
  local number = counter
  counter = counter + 1
  if spec.draw == "nothing" then
    return post("1", "{}")
  elseif spec.draw == "project" then
    return post("1", fill(spec.variables, { project = projects[math.random(projects_n)] }))
  elseif spec.draw == "user" then
    local user = users[math.random(users_n)]
    return post(user[2], fill(spec.variables, { user = user[1] }))
  elseif spec.draw == "action" then
    -- A kilometre by bus at a time at which this user was on no other trip: the users in turn, and at each turn
    -- another day, five minutes later when all days had one.
    local user = users[number % users_n + 1]
    local turn = math.floor(number / users_n)
    local starts = spec.day - (turn % days) * 86400 + math.floor(turn / days) * 300
    return post(user[2], fill(spec.variables, {
      user = user[1], app = app(user), key = spec.prefix .. number, from = moment(starts), to = moment(starts + 240) }))
  else
    -- Users in a mixed order, so that no two of a batch are the same one.
    local user = users[(number * 7919) % users_n + 1]
    local project = spec.draw == "hot" and projects[1] or projects[math.random(projects_n)]
    return post(user[2], fill(spec.variables, {
      user = user[1], app = app(user), key = spec.prefix .. number, project = project }))
  end
end

local function is_right(status, body)
  if status ~= 200 or not body:find(spec.expects, 1, true) then
    return false
  end
  local at = body:find('"errors":', 1, true)
  -- A refusal's list may be there, empty.
  return not at or (body:find('"errors":[]', at, true) == at and not body:find('"errors":[{', at, true))
end

function response(status, headers, body)
  if is_right(status, body) then
    right = right + 1
  else
    if wrong == 0 then first_wrong = status .. " " .. body:sub(1, 600) end
    wrong = wrong + 1
  end
end

function done(summary, latency, requests)
  local sums = { right = 0, wrong = 0, first = "", counter = 0 }
  for _, thread in ipairs(threads) do
    sums.right = sums.right + thread:get("right")
    sums.wrong = sums.wrong + thread:get("wrong")
    if sums.first == "" then sums.first = thread:get("first_wrong") end
  end
  local errors = summary.errors
  print(string.format("RESULT %d %d %d %d %d %d %d %d", summary.requests, summary.duration, sums.right, sums.wrong,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
  if sums.first ~= "" then print("WRONG " .. sums.first) end
end
