# What `awsenv exec ROLE` starts zsh with: ZDOTDIR leads here, and is put back at once, so that zsh goes on with the
# person's own files in their own place, history and all. At the first prompt the hook is loaded, if they have not, and
# the role is set once more, over whatever keys or profile they have exported.

typeset -g _awsenv_hook_file=${${(%):-%x}:A:h:h}/awsenv.zsh
if (( ${+_AWSENV_ZDOTDIR} )); then
  export ZDOTDIR=$_AWSENV_ZDOTDIR
  unset _AWSENV_ZDOTDIR
else
  unset ZDOTDIR
fi

function _awsenv_arrive {
  emulate -L zsh
  # As in the hook: no trace and no DEBUG trap may show the keys.
  setopt no_xtrace no_verbose
  trap - DEBUG
  eval "${_AWSENV_CHANGE-}"
  unset _AWSENV_CHANGE
  precmd_functions=("${(@)precmd_functions:#_awsenv_arrive}")
  if (( ! ${+functions[_awsenv_prompt]} )); then
    source $_awsenv_hook_file
    _awsenv_prompt
  fi
  unset _awsenv_hook_file
  unfunction _awsenv_arrive
}
if [[ -o interactive ]]; then
  typeset -ga precmd_functions
  precmd_functions+=(_awsenv_arrive)
fi

if [[ -r ${ZDOTDIR-$HOME}/.zshenv ]]; then
  source ${ZDOTDIR-$HOME}/.zshenv
fi
