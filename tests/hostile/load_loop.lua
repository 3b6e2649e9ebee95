-- expect load: instruction budget spent: [0-9]+ instructions while loading
-- The main chunk never ends.
while true do end
