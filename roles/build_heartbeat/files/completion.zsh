#compdef builderctl
# Completion of builderctl for zsh (zshcompsys(1)).

local -a found
found=(${(f)"$("$words[1]" complete -- "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)"})
(( $#found )) && compadd -U -a found || _files
