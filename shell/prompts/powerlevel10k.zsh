# The segment `awsenv` of powerlevel10k: the role and its time left. The hook of zsh brings it.
# In ~/.p10k.zsh: put `awsenv` in place of `aws` in POWERLEVEL9K_RIGHT_PROMPT_ELEMENTS, or in the left ones.
# POWERLEVEL9K_AWSENV_FOREGROUND sets its color, POWERLEVEL9K_AWSENV_EXPIRED_FOREGROUND that of an expired role.

function prompt_awsenv {
  if [[ -n ${AWSENV_LABEL-} ]]; then
    _awsenv_describe
    local _awsenv_state=active
    [[ $_awsenv_text != *' expired]' ]] || _awsenv_state=expired
    p10k segment -s $_awsenv_state -b '' -f "${_awsenv_color:-208}" -t "${${_awsenv_text#\[}%\]}"
  fi
}

# powerlevel10k records what this says, and a later shell expands it before it has the hook. It has to say the same
# whatever is active, so the text finds out by itself how much time is left.
function instant_prompt_awsenv {
  local _awsenv_left='(${AWSENV_EXPIRES_EPOCH//[^0-9]}+0-${(%):-%D{%s\}})' _awsenv_time= _awsenv_case
  local _awsenv_label='${AWSENV_LABEL//[^a-zA-Z0-9_.@+=,\/-]}'
  local _awsenv_ended="\${AWSENV_LABEL:+x\$((\${AWSENV_EXPIRES_EPOCH:+1}+0&&$_awsenv_left<=0))}"
  for _awsenv_case in \
    'L<60:$((L))s' \
    'L>=60&&L<3600:$((L/60))m' \
    'L>=3600:$((L/3600))h${(l:2::0:)${:-$((L/60%60))}}m'; do
    _awsenv_time+='${${(M)${:-$(('${_awsenv_case%%:*}'))}:#1}:+ '${_awsenv_case#*:}'}'
  done
  p10k segment -s active -b '' -f 208 -c "\${$_awsenv_ended:#x1}" -e -t \
    $_awsenv_label'${AWSENV_EXPIRES_EPOCH:+'${_awsenv_time//L/$_awsenv_left}'}'
  p10k segment -s expired -b '' -f red -c "\${(M)$_awsenv_ended:#x1}" -e -t "$_awsenv_label expired"
}

# Where the segment `aws` stands as well, it shows what awsenv has not set.
function _p9k_prompt_awsenv_init {
  if [[ -n ${functions[prompt_aws]-} && ${functions[prompt_aws]} != *AWSENV_LABEL* ]]; then
    functions[prompt_aws]='[[ -z ${AWSENV_LABEL-} ]] || return 0; '${functions[prompt_aws]}
  fi
}
