# `awsenv exec ROLE` starts zsh with ZDOTDIR leading here. This file restores it at once, so that zsh reads the user's
# own files, and writes the history, in their usual place. At the first prompt it loads the hook unless those files did,
# and sets the role again, because they may have exported keys or a profile.

typeset -g _awsenv_hook_file=${${(%):-%x}:A:h:h}/awsenv.zsh
if (( ${+_AWSENV_ZDOTDIR} )); then
  export ZDOTDIR=$_AWSENV_ZDOTDIR
  unset _AWSENV_ZDOTDIR
else
  unset ZDOTDIR
fi

# By now the user may have an alias or a function of any name.
function _awsenv_arrive {
  builtin emulate -L zsh -o no_aliases
  # As in the hook: no trace and no DEBUG trap may show the keys.
  builtin setopt no_xtrace no_verbose
  builtin trap - DEBUG
  builtin eval "${_AWSENV_CHANGE-}"
  builtin unset _AWSENV_CHANGE
  precmd_functions=("${(@)precmd_functions:#_awsenv_arrive}")
  if (( ! ${+functions[_awsenv_prompt]} )); then
    builtin source $_awsenv_hook_file
    _awsenv_prompt
  fi
  builtin unset _awsenv_hook_file
  builtin unfunction _awsenv_arrive
}
if [[ -o interactive ]]; then
  typeset -ga precmd_functions
  precmd_functions+=(_awsenv_arrive)
fi

if [[ -r ${ZDOTDIR-$HOME}/.zshenv ]]; then
  source ${ZDOTDIR-$HOME}/.zshenv
fi
