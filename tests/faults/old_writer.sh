#!/bin/sh
# A writer as the old scripts: it pulls with rebase, edits the file with jq, commits and pushes. After a conflict or a
# rejected push, it resets its clone and tries again, unless the change is there already.
#
#   old_writer.sh send CLONE SERVER RECIPIENT TOKEN    sends a message and prints its id when the push was accepted
#   old_writer.sh mark CLONE SERVER ID                 marks a message read, and prints its id
#   old_writer.sh list CLONE SERVER                    prints the first words of the messages to a server
set -eu
action=$1 clone=$2 server=$3
shift 3
cd "$clone"
file=coordination/messages.json

reset() {
    git rebase --quiet --abort 2> /dev/null || true
    git fetch --quiet origin main 2> /dev/null && git reset --quiet --hard origin/main
}

case $action in
    list)
        reset
        exec jq -r --arg me "$server" '.messages[] | select(.to == $me or .to == "all") | .body | split(" ")[0]' "$file"
        ;;
    send)
        id=msg_$(date +%s)_$2
        edit='.messages += [{id: $id, from: $from, to: $to, type: "info", subject: "hello", body: "\($token) by jq",
            timestamp: (now | todate), read: false}]'
        there='any(.messages[]; .id == $id)'
        ;;
    mark)
        id=$1
        edit='(.messages[] | select(.id == $id) | .read) = true'
        there='any(.messages[]; .id == $id and .read)'
        ;;
esac

while :; do
    if ! git pull --quiet --rebase origin main 2> /dev/null; then
        until reset; do sleep 0.2; done
    fi
    if jq --exit-status --arg id "$id" "$there" "$file" > /dev/null; then
        break
    fi
    jq --arg id "$id" --arg from "$server" --arg to "$1" --arg token "${2:-}" "$edit" "$file" > "$file.new"
    mv "$file.new" "$file"
    git add "$file"
    git commit --quiet --message "$server: $action"
    if git push --quiet origin HEAD:main 2> /dev/null; then
        break
    fi
    echo "again" >&2
    until reset; do sleep 0.2; done
done
echo "$id"
