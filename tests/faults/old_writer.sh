#!/bin/sh
# A writer in the old manner: it pulls with rebase, edits the file with jq, commits and pushes; after a conflict, or when
# somebody else was faster, it resets its clone and does it again.
#
#   old_writer.sh send CLONE SERVER RECIPIENT TOKEN    sends a message and prints its id when the push was accepted
#   old_writer.sh mark CLONE SERVER ID                 marks a message read
#   old_writer.sh list CLONE SERVER                    prints the first words of the messages to a server
set -eu
action=$1 clone=$2 server=$3
cd "$clone"
file=coordination/messages.json

send() {
    id=msg_$(date +%s)_$2
    now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    jq --arg id "$id" --arg from "$server" --arg to "$1" --arg body "$2 in the old manner" --arg now "$now" \
        '.messages += [{id: $id, from: $from, to: $to, type: "info", subject: "from \($from)", body: $body, timestamp: $now, read: false}]' \
        "$file" > "$file.new"
}

mark() {
    id=$1
    jq --arg id "$id" '(.messages[] | select(.id == $id) | .read) = true' "$file" > "$file.new"
}

reset() {
    git rebase --quiet --abort 2> /dev/null || true
    git fetch --quiet origin main
    git reset --quiet --hard origin/main
}

if [ "$action" = list ]; then
    reset
    exec jq -r --arg me "$server" '.messages[] | select(.to == $me or .to == "all") | .body | split(" ")[0]' "$file"
fi
shift 3
while :; do
    git pull --quiet --rebase origin main 2> /dev/null || reset
    "$action" "$@"
    mv "$file.new" "$file"
    git add "$file"
    git commit --quiet --message "$server: $action"
    if git push --quiet origin HEAD:main 2> /dev/null; then
        echo "$id"
        exit
    fi
    echo "again" >&2
    reset
done
