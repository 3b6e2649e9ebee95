-- The names that dns-block-list.lua blocks, one on a line.
return [[
ads.example.net
telemetry.example.org
TRACKER.example.com
]]
