# Shortens what pip prints while it installs the locked packages: how far it is, the downloads that
# take long, and the step in which it prints nothing.

function say(text) { print "  " text; fflush() }

/^Collecting / {
  count += 1
  if (count % 25 == 0) say(count " of " total " packages downloaded")
}

/^ +(Downloading|Using cached) .* MB\)$/ {
  size = $(NF - 1)
  sub(/\(/, "", size)
  if (size + 0 >= 50) say($1 " " $2 (NF > 4 ? " " $3 : "") " (" size " MB)")
}

/^Installing collected packages/ { say("installing them: about a minute, without a word of pip") }
