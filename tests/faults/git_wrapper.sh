#!/bin/sh
# A git that is killed at its RIG_GIT_CALL-th call: before it starts, while it runs, or after it ended without output.
# Several may run at the same time, and one may be killed while it writes.
exec 9>> "$RIG_GIT_COUNT.lock"
flock 9
count=$(($(cat "$RIG_GIT_COUNT") + 1))
echo "$count" 1<> "$RIG_GIT_COUNT"
exec 9>&-
if [ "$count" != "$RIG_GIT_CALL" ]; then
    exec "$RIG_GIT_REAL" "$@"
fi
case $RIG_GIT_WHEN,$* in
    *,*\ --batch*) ;; # it answers requests until its input is closed, so it does not end by itself
    amid,*) timeout --signal=KILL "$RIG_GIT_SECONDS" "$RIG_GIT_REAL" "$@" ;;
    after,*) "$RIG_GIT_REAL" "$@" > "$RIG_GIT_COUNT.out" ;;
esac
kill -9 $$
