#!/usr/bin/env bash
# The old way to send a message: pull with rebase, edit with jq, commit, push, and retry if the push is rejected.
#
#     old_way.sh CLONE FROM TO SUBJECT BODY
set -euo pipefail
cd "$1"
from=$2 to=$3 subject=$4 body=$5
file=coordination/messages.json
id="msg_$(date +%s)_$(od -An -N4 -tx1 /dev/urandom | tr -d ' ')"
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)

for _try in 1 2 3 4 5; do
    git pull --quiet --rebase origin main
    jq --arg id "$id" --arg from "$from" --arg to "$to" --arg subject "$subject" --arg body "$body" --arg now "$now" \
        '.messages += [{id: $id, from: $from, to: $to, type: "info", priority: "normal", subject: $subject, body: $body,
            timestamp: $now, read: false}]' "$file" > "$file.new"
    mv "$file.new" "$file"
    git add "$file"
    git commit --quiet --message "$from: info to $to: $subject"
    git push --quiet origin HEAD:main && exit 0
    git reset --quiet --hard HEAD~1
done
echo "$0: the push was rejected five times" >&2
exit 1
