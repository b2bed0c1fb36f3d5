# The section `awsenv` of spaceship: the role and its time left. The hook of zsh brings it.
# In ~/.zshrc, after the hook and spaceship:  spaceship add --before aws awsenv; spaceship remove aws
# Its prefix, suffix, symbol and color are those of the section `aws`, which shows what awsenv has not set.

function spaceship_awsenv {
  if [[ -n ${AWSENV_LABEL-} ]]; then
    _awsenv_describe
    spaceship::section --color "${_awsenv_color:-${SPACESHIP_AWS_COLOR-208}}" --prefix "${SPACESHIP_AWS_PREFIX-using }" \
      --suffix "${SPACESHIP_AWS_SUFFIX- }" --symbol "${SPACESHIP_AWS_SYMBOL-}" "${${_awsenv_text#\[}%\]}"
  elif ((${+functions[spaceship_aws]})); then
    spaceship_aws
  fi
}
