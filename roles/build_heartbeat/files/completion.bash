# Completion of builderctl for Bash (bash(1), "Programmable Completion").

_builderctl() {
    local line=${COMP_LINE:0:COMP_POINT} current=${COMP_WORDS[COMP_CWORD]} last before
    local -a words
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    last=${words[${#words[@]} - 1]}
    # Bash replaces the part of the last word after =, : or @.
    [[ $current == [=:@] ]] && current=
    [[ $last == *"$current" ]] || current=$last
    before=${last%"$current"}
    mapfile -t COMPREPLY < <("$1" complete -- "${words[@]:1}" 2>/dev/null)
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
}

complete -o default -F _builderctl builderctl
