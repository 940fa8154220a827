#!/bin/sh
# A git that is killed at its RIG_GIT_CALL-th call: before it does anything, amid it, or when it is done and nobody heard.
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
    *,*\ --batch*) ;; # it answers questions until it is closed, so it has no end to wait for
    amid,*) timeout --signal=KILL "$RIG_GIT_SECONDS" "$RIG_GIT_REAL" "$@" ;;
    after,*) "$RIG_GIT_REAL" "$@" > "$RIG_GIT_COUNT.out" ;;
esac
kill -9 $$
