# Completion of awsenv for bash 3.2 and later, with bash-completion and without. The hook of `awsenv init bash` loads it
# at the first Tab; a package installs it as `awsenv` where bash-completion looks. It starts no process while the names
# in the cache folder are fresh: src/awsenv/cli/candidates.py has their format.
# shellcheck shell=bash
# shellcheck disable=SC2250,SC2292 # braces where a name needs them

# The user may have an alias or a function of any name, as in the hook.
\builtin shopt -q expand_aliases && _awsenv_aliases=on
\builtin shopt -u expand_aliases

# The rows of the table in this folder, without their descriptions: bash shows none. tests/docs/completions.py writes it,
# and says what the fields mean; `awsenv completion bash` puts it in front of this code.
[[ -n ${_awsenv_table-} ]] || IFS='' builtin read -r -d '' _awsenv_table <"${_awsenv_folder-}/completions/awsenv.table" ||
  builtin :
_awsenv_commands=() _awsenv_forms=() _awsenv_options=()
while [[ -n $_awsenv_table ]]; do
  _awsenv_row=${_awsenv_table%%$'\n'*}
  _awsenv_table=${_awsenv_table:${#_awsenv_row}+1}
  case $_awsenv_row in
  *'|--'*) _awsenv_options+=("${_awsenv_row%|*}") ;;
  *'|'*'|'*) _awsenv_commands+=("${_awsenv_row%|*}") ;;
  *) _awsenv_forms+=("$_awsenv_row") ;;
  esac
done

# What readline calls. With errexit, a command that fails would end the shell; on the left of || it does not.
function _awsenv_complete {
  COMPREPLY=()
  _awsenv_offer "${2-}" || builtin :
}

# Sets COMPREPLY to what may stand in place of $1, which readline replaces: a part of the last word, as it was typed.
function _awsenv_offer {
  builtin local IFS=$' \t\n' _awsenv_line _awsenv_word='' _awsenv_raw='' _awsenv_quote='' _awsenv_start=0
  builtin local _awsenv_command=use _awsenv_kind='' _awsenv_prefix='' _awsenv_lead _awsenv_row _awsenv_text
  builtin local -a _awsenv_words _awsenv_starts _awsenv_lines
  _awsenv_cut
  _awsenv_parse "$_awsenv_line"
  _awsenv_expect "${_awsenv_words[@]:1}"
  if [[ $_awsenv_kind == command ]]; then
    _awsenv_delegate "$1"
    builtin return
  fi
  builtin local _awsenv_typed="$_awsenv_word" _awsenv_open="$_awsenv_quote"
  # What readline keeps: `--profile=`, say.
  _awsenv_parse "${_awsenv_raw%"$1"}"
  _awsenv_lead=$_awsenv_word
  case $_awsenv_kind in
  first)
    _awsenv_add_commands
    _awsenv_add_names role source
    ;;
  commands) _awsenv_add_commands ;;
  options) _awsenv_add_options ;;
  roles | profiles) _awsenv_add_names role source ;;
  regions) _awsenv_add_names region ;;
  file) _awsenv_add_files file:// ;;
  */*)
    while [[ -n $_awsenv_kind ]]; do
      _awsenv_add "${_awsenv_kind%%/*}"
      [[ $_awsenv_kind == */* ]] || builtin break
      _awsenv_kind=${_awsenv_kind#*/}
    done
    ;;
  --) _awsenv_add -- ;;
  *) ;;
  esac
}

# Sets `_awsenv_line` to the line up to the cursor. COMP_POINT counts bytes before bash 4.
function _awsenv_cut {
  ((BASH_VERSINFO[0] > 3)) || builtin local LC_ALL=C
  _awsenv_line=${COMP_LINE:0:COMP_POINT}
}

# Splits $1 into `_awsenv_words`, which begin at `_awsenv_starts` in it, and the last word: `_awsenv_word` is what it
# means, `_awsenv_raw` as it was typed, `_awsenv_quote` the quote that is open.
function _awsenv_parse {
  builtin local _awsenv_rest="$1" _awsenv_part
  _awsenv_words=() _awsenv_starts=() _awsenv_word='' _awsenv_quote=''
  _awsenv_rest=${_awsenv_rest#"${_awsenv_rest%%[![:space:]]*}"}
  _awsenv_raw=$_awsenv_rest
  while [[ -n $_awsenv_rest ]]; do
    case $_awsenv_quote in
    \')
      _awsenv_part=${_awsenv_rest%%\'*}
      ;;
    \")
      _awsenv_part=${_awsenv_rest%%[\"\\]*}
      ;;
    *)
      _awsenv_part=${_awsenv_rest%%[\"\'\\[:space:]]*}
      ;;
    esac
    _awsenv_word+=$_awsenv_part
    _awsenv_rest=${_awsenv_rest#"$_awsenv_part"}
    case $_awsenv_quote$_awsenv_rest in
    \'\'* | \"\"*) _awsenv_quote='' _awsenv_rest=${_awsenv_rest:1} ;;
    \'* | \"*)
      if [[ -z $_awsenv_quote ]]; then
        _awsenv_quote=${_awsenv_rest:0:1} _awsenv_rest=${_awsenv_rest:1}
      elif [[ $_awsenv_rest == \\* ]]; then
        [[ ${_awsenv_rest:1:1} == [\"\\\$\`] ]] || _awsenv_word+=\\
        _awsenv_word+=${_awsenv_rest:1:1} _awsenv_rest=${_awsenv_rest:2}
      fi
      ;;
    \\*) _awsenv_word+=${_awsenv_rest:1:1} _awsenv_rest=${_awsenv_rest:2} ;;
    [[:space:]]*)
      _awsenv_words+=("$_awsenv_word")
      _awsenv_starts+=($((${#1} - ${#_awsenv_raw})))
      _awsenv_word='' _awsenv_rest=${_awsenv_rest#"${_awsenv_rest%%[![:space:]]*}"}
      _awsenv_raw=$_awsenv_rest
      ;;
    *) ;;
    esac
  done
  _awsenv_starts+=($((${#1} - ${#_awsenv_raw})))
}

# Sets `_awsenv_kind` to what the last word may be, after the words of the line without `awsenv`: a field of the tables,
# `first`, `options`, `--` or nothing. For `command`, `_awsenv_start` is where that command begins.
function _awsenv_expect {
  builtin local _awsenv_fields=roles _awsenv_number=1 _awsenv_value=''
  for _awsenv_row in "${_awsenv_commands[@]}"; do
    [[ ${_awsenv_row%%|*} != "${1-use}" ]] || {
      _awsenv_fields=${_awsenv_row#*|}
      (($# == 0)) || {
        _awsenv_command=$1 _awsenv_number=2
        builtin shift
      }
      builtin break
    }
  done
  (($# > 0 || _awsenv_number == 2)) || _awsenv_fields="first ${_awsenv_fields#* }"
  while (($# > 0)); do
    case $1 in
    --)
      [[ $_awsenv_fields == *command ]] && _awsenv_kind='command'
      _awsenv_start=${_awsenv_starts[_awsenv_number + 1]}
      builtin return
      ;;
    --*=*) ;;
    --*)
      _awsenv_find_value "$1"
      if [[ -n $_awsenv_value ]]; then
        (($# > 1)) || {
          _awsenv_kind=$_awsenv_value
          builtin return
        }
        _awsenv_number=$((_awsenv_number + 1))
        builtin shift
      fi
      ;;
    -?*) ;;
    *)
      # The word after the role is the command unless it is a code.
      [[ $_awsenv_fields != '- command' || $1 != *[!0-9]* ]] || _awsenv_fields='command'
      if [[ $_awsenv_fields == command ]]; then
        _awsenv_kind='command' _awsenv_start=${_awsenv_starts[_awsenv_number]}
        builtin return
      fi
      _awsenv_value=${_awsenv_fields%% *}
      [[ $_awsenv_value == *... ]] || {
        _awsenv_fields=${_awsenv_fields#"$_awsenv_value"}
        _awsenv_fields=${_awsenv_fields# }
      }
      [[ $_awsenv_value != */* ]] || for _awsenv_row in "${_awsenv_forms[@]}"; do
        [[ ${_awsenv_row%%|*} != "$_awsenv_command $1" ]] || _awsenv_fields=${_awsenv_row#*|}
      done
      ;;
    esac
    _awsenv_number=$((_awsenv_number + 1))
    builtin shift
  done
  case $_awsenv_word in
  --*=*)
    _awsenv_find_value "${_awsenv_word%%=*}"
    _awsenv_kind=$_awsenv_value _awsenv_prefix=${_awsenv_word%%=*}=
    ;;
  -*)
    _awsenv_kind=options
    [[ $_awsenv_fields != first* ]] || _awsenv_command=$_awsenv_command,awsenv
    ;;
  *)
    _awsenv_kind=${_awsenv_fields%% *} _awsenv_kind=${_awsenv_kind%...} _awsenv_start=${_awsenv_starts[_awsenv_number]}
    # A code cannot be offered; after it, and in place of it, a command can.
    case $_awsenv_fields:$_awsenv_word in
    '- command:' | command:) _awsenv_kind=-- ;;
    '- command:'*) _awsenv_kind='command' ;;
    *) ;;
    esac
    ;;
  esac
}

# Sets `_awsenv_value` of the caller to the kind of the values of the option $1, if it takes any.
function _awsenv_find_value {
  _awsenv_value=
  for _awsenv_row in "${_awsenv_options[@]}"; do
    if [[ $_awsenv_row == *"|$1|"* && ,${_awsenv_row%%|*}, == *",$_awsenv_command,"* ]]; then
      _awsenv_value=${_awsenv_row##*|}
      builtin break
    fi
  done
}

function _awsenv_add_commands {
  for _awsenv_row in "${_awsenv_commands[@]}"; do
    _awsenv_add "${_awsenv_row%%|*}"
  done
}

function _awsenv_add_options {
  for _awsenv_row in "${_awsenv_options[@]}"; do
    if [[ ,${_awsenv_row%%|*}, == *",${_awsenv_command%,*},"* || ${_awsenv_row%%|*} == "${_awsenv_command#*,}" ]]; then
      _awsenv_row=${_awsenv_row#*|}
      _awsenv_add "${_awsenv_row%%|*}"
    fi
  done
}

# Adds a word to COMPREPLY, in the quotes that are open or with backslashes, if it is a longer form of what was typed.
function _awsenv_add {
  [[ $_awsenv_prefix$1 == "$_awsenv_typed"* ]] || builtin return 0
  _awsenv_text=$_awsenv_prefix$1
  _awsenv_text=${_awsenv_text#"$_awsenv_lead"}
  builtin local _awsenv_special _awsenv_specials=
  case $_awsenv_open in
  \')
    _awsenv_special=\'\\\'\'
    _awsenv_text=${_awsenv_text//\'/"$_awsenv_special"}
    # Readline closes the quote unless the last character is one.
    [[ $_awsenv_text != *\' ]] || _awsenv_text=${_awsenv_text%\'}
    ;;
  \")
    # History expansion would take a `!`, and a backslash before it would stay.
    [[ $_awsenv_text != *!* ]] || builtin return 0
    _awsenv_specials='\"$`'
    ;;
  *) [[ $_awsenv_text != *[!A-Za-z0-9_./@,:=+-]* ]] || _awsenv_specials='\ !"#$&'\''()*;<>?[]^`{|}~' ;;
  esac
  while [[ -n $_awsenv_specials ]]; do
    _awsenv_special=${_awsenv_specials:0:1} _awsenv_specials=${_awsenv_specials:1}
    _awsenv_text=${_awsenv_text//"$_awsenv_special"/"\\$_awsenv_special"}
  done
  [[ $_awsenv_open != \" || $_awsenv_text != *\" ]] || _awsenv_text=${_awsenv_text%??}'"\"'
  COMPREPLY+=("$_awsenv_text")
}

# Adds the names of the kinds $1 and $2. Bash is quick with a whole array.
function _awsenv_add_names {
  # Bytes are compared ten times as fast as characters. A newline joins, which no name holds; bash 3.2 splits at blanks.
  builtin local LC_ALL=C 2>/dev/null || builtin :
  builtin local IFS=$'\n \t' _awsenv_line _awsenv_number _awsenv_tab=$'\t' _awsenv_specials='[]\\ !"#$&'\''()*;<>?[^`{|}~]'
  builtin local _awsenv_before="$_awsenv_tab${_awsenv_typed#"$_awsenv_prefix"}"
  builtin local -a _awsenv_found
  if ! _awsenv_read_names; then
    _awsenv_text=$(_awsenv_ask) || builtin return 0
    _awsenv_split "$_awsenv_text"
  fi
  _awsenv_found=()
  if [[ $1 == role && $_awsenv_before == "$_awsenv_tab" ]]; then
    # All: they stand before the others.
    _awsenv_number=${#_awsenv_lines[@]}
    while ((_awsenv_number > 0)); do
      case ${_awsenv_lines[_awsenv_number - 1]} in
      "region$_awsenv_tab"* | "file$_awsenv_tab"*) _awsenv_number=$((_awsenv_number - 1)) ;;
      *) builtin break ;;
      esac
    done
    _awsenv_found=("${_awsenv_lines[@]:0:_awsenv_number}")
  else
    for _awsenv_line in ${_awsenv_lines[@]+"${_awsenv_lines[@]}"}; do
      case $_awsenv_line in "$1$_awsenv_before"* | "${2-$1}$_awsenv_before"*) _awsenv_found+=("$_awsenv_line") ;; *) ;; esac
    done
  fi
  ((${#_awsenv_found[@]} > 0)) || builtin return 0
  _awsenv_found=("${_awsenv_found[@]#*"$_awsenv_tab"}")
  _awsenv_found=("${_awsenv_found[@]%%"$_awsenv_tab"*}")
  if [[ -z $_awsenv_prefix$_awsenv_lead$_awsenv_open && ${_awsenv_found[*]} != *$_awsenv_specials* ]]; then
    COMPREPLY+=("${_awsenv_found[@]}")
  else
    for _awsenv_line in "${_awsenv_found[@]}"; do
      _awsenv_add "$_awsenv_line"
    done
  fi
}

# Sets `_awsenv_lines` to the names in the cache, and has them written in the background if they are stale. Fails if there
# are none of the two files that this shell would have the program read.
function _awsenv_read_names {
  builtin local _awsenv_home=~ _awsenv_line _awsenv_stale='' _awsenv_value
  builtin local _awsenv_cache="$_awsenv_home/.cache"
  [[ ${XDG_CACHE_HOME-} != /* ]] || _awsenv_cache=$XDG_CACHE_HOME
  _awsenv_cache+=/awsenv
  builtin local _awsenv_path="$_awsenv_cache/names-1"
  [[ ${AWSENV_CACHE-} != 0 && -f $_awsenv_path && -r $_awsenv_path && -O $_awsenv_path && ! -L $_awsenv_path ]] ||
    builtin return
  _awsenv_lines=()
  if ((BASH_VERSINFO[0] > 3)); then
    builtin mapfile -t _awsenv_lines <"$_awsenv_path"
  else
    while IFS='' builtin read -r _awsenv_line; do
      _awsenv_lines+=("$_awsenv_line")
    done <"$_awsenv_path"
  fi
  ((${#_awsenv_lines[@]} > 1)) || builtin return
  builtin set -- "${_awsenv_lines[@]:${#_awsenv_lines[@]}-2}"
  for _awsenv_value in \
    "${AWS_CONFIG_FILE-$_awsenv_home/.aws/config}" "${AWS_SHARED_CREDENTIALS_FILE-$_awsenv_home/.aws/credentials}"; do
    # The value of the variable, the path where it leads, and the mark, which is as old as the file.
    _awsenv_path=${1#"file$_awsenv_tab$_awsenv_value$_awsenv_tab"}
    [[ $_awsenv_path == /*"$_awsenv_tab"* ]] || builtin return
    _awsenv_text=$_awsenv_cache/${_awsenv_path##*"$_awsenv_tab"} _awsenv_path=${_awsenv_path%"$_awsenv_tab"*}
    # A file that is there is newer than one that is not.
    [[ ! $_awsenv_path -nt $_awsenv_text && ! $_awsenv_text -nt $_awsenv_path ]] || _awsenv_stale=yes
    builtin shift
  done
  [[ -z $_awsenv_stale ]] || (_awsenv_ask >/dev/null &)
}

# Lets the program write the names, and print them.
function _awsenv_ask {
  builtin local _awsenv_program="${_AWSENV_BIN-}"
  [[ -n $_awsenv_program ]] || _awsenv_program=$(builtin type -P awsenv) || builtin return
  # It runs no other program, so these need not be kept.
  /usr/bin/env PYTHONPATH= PYTHONHOME= PYTHONUSERBASE= PYTHONPYCACHEPREFIX= PYTHONEXECUTABLE= \
    "$_awsenv_program" completion --refresh </dev/null 2>/dev/null
}

# Adds the files whose paths follow $1.
function _awsenv_add_files {
  builtin local _awsenv_path="${_awsenv_typed#"$_awsenv_prefix"}"
  builtin compopt -o nospace 2>/dev/null || builtin :
  if [[ -n $1 && $_awsenv_path != "$1"* ]]; then
    _awsenv_add "$1"
    builtin return
  fi
  _awsenv_text=$(builtin compgen -f -- "${_awsenv_path#"$1"}") || builtin :
  _awsenv_split "$_awsenv_text"
  for _awsenv_path in ${_awsenv_lines[@]+"${_awsenv_lines[@]}"}; do
    [[ ! -d $_awsenv_path ]] || _awsenv_path+=/
    _awsenv_add "$1$_awsenv_path"
  done
}

# Completes the command that begins at `_awsenv_start`, in its own way. Readline replaces $1.
function _awsenv_delegate {
  builtin local _awsenv_number=0 _awsenv_rest="$COMP_LINE" _awsenv_name
  while _awsenv_rest=${_awsenv_rest#"${_awsenv_rest%%[![:space:]]*}"} &&
    ((${#COMP_LINE} - ${#_awsenv_rest} < _awsenv_start)); do
    _awsenv_rest=${_awsenv_rest#"${COMP_WORDS[_awsenv_number]}"}
    _awsenv_number=$((_awsenv_number + 1))
  done
  for _awsenv_name in _comp_command_offset _command_offset; do
    if builtin declare -F "$_awsenv_name" >/dev/null; then
      "$_awsenv_name" "$_awsenv_number"
      builtin return
    fi
  done
  if ((_awsenv_start == _awsenv_starts[${#_awsenv_starts[@]} - 1])); then
    [[ $_awsenv_word == */* ]] || {
      _awsenv_text=$(builtin compgen -c -- "$_awsenv_word") || builtin :
      _awsenv_add_output "$_awsenv_text"
      builtin return
    }
    _awsenv_default "$1"
    builtin return
  fi
  for _awsenv_name in "${!_awsenv_starts[@]}"; do
    ((_awsenv_starts[_awsenv_name] != _awsenv_start)) || builtin break
  done
  _awsenv_name=${_awsenv_words[_awsenv_name]}
  COMP_LINE=$_awsenv_rest COMP_POINT=$((COMP_POINT - _awsenv_start)) COMP_CWORD=$((COMP_CWORD - _awsenv_number))
  COMP_WORDS=("${COMP_WORDS[@]:_awsenv_number}")
  _awsenv_call "$_awsenv_name" "$1" "${COMP_WORDS[COMP_CWORD - 1]}" || _awsenv_default "$1"
}

# Calls the completion registered for the command $1. Fails if there is none.
function _awsenv_call {
  builtin local _awsenv_spec _awsenv_function='' _awsenv_program='' _awsenv_status=0
  _awsenv_spec=$(builtin complete -p -- "$1" 2>/dev/null || builtin complete -p -- "${1##*/}" 2>/dev/null) ||
    builtin return
  builtin local _awsenv_name="$1" _awsenv_replaced="$2" _awsenv_last="$3"
  _awsenv_parse "$_awsenv_spec "
  builtin set -- "${_awsenv_words[@]}"
  while (($# > 1)); do
    case $1 in
    -F) _awsenv_function=$2 ;;
    -C) _awsenv_program=$2 ;;
    -o) builtin compopt -o "$2" 2>/dev/null || builtin : ;;
    *) ;;
    esac
    builtin shift
  done
  builtin set -- "$_awsenv_name" "$_awsenv_replaced" "$_awsenv_last"
  if [[ -n $_awsenv_function ]]; then
    "$_awsenv_function" "$@" || _awsenv_status=$?
    # It has loaded another.
    ((_awsenv_status != 124)) || _awsenv_call "$@"
  elif [[ -n $_awsenv_program ]]; then
    # As bash does, without the quotes that `complete -p` has added.
    _awsenv_text=$(builtin export COMP_LINE COMP_POINT && builtin eval "$_awsenv_program"' "$@"' 2>/dev/null) || builtin :
    _awsenv_add_output "$_awsenv_text"
  else
    # What bash has printed, between `complete` and the name, it can read.
    _awsenv_spec=${_awsenv_spec#* }
    _awsenv_text=$(builtin eval "builtin compgen ${_awsenv_spec% *} -- "'"$2"' 2>/dev/null) || builtin :
    _awsenv_add_output "$_awsenv_text"
  fi
}

# Adds the lines of $1 to COMPREPLY as they are.
function _awsenv_add_output {
  _awsenv_split "$1"
  COMPREPLY+=(${_awsenv_lines[@]+"${_awsenv_lines[@]}"})
}

# Sets `_awsenv_lines` to the lines of $1 that are not empty.
function _awsenv_split {
  builtin local IFS=$'\n' _awsenv_glob=on
  [[ $- != *f* ]] || _awsenv_glob=''
  builtin set -f
  # shellcheck disable=SC2206 # split at the ends of lines alone
  _awsenv_lines=($1)
  [[ -z $_awsenv_glob ]] || builtin set +f
}

# Offers files: readline itself does where a completion may ask it to.
function _awsenv_default {
  builtin compopt -o default 2>/dev/null || {
    builtin local _awsenv_typed="$_awsenv_word" _awsenv_open="$_awsenv_quote" _awsenv_lead
    _awsenv_parse "${_awsenv_raw%"$1"}"
    _awsenv_lead=$_awsenv_word
    _awsenv_add_files ''
  }
}

builtin complete -F _awsenv_complete awsenv

[[ -z ${_awsenv_aliases-} ]] || builtin shopt -s expand_aliases
\builtin unset _awsenv_aliases
