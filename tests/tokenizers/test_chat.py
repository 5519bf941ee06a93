"""Chat templates: as transformers renders them, and what a template may not do."""

import pickle
from datetime import datetime

import pytest
from transformers.utils.chat_template_utils import render_jinja_template

from practicum.errors import TokenizerError
from practicum.tokenizers.chat import ChatTemplate, Message, render_with_tools, takes_tools

CHATML = """\
{% for message in messages %}
    {% if loop.first and message.role != 'system' %}
        {{- '<|im_start|>system\nBe brief.<|im_end|>\n' -}}
    {% endif %}
    {{- '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' -}}
{% endfor %}
{% if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' -}}
{% endif %}"""
LLAMA = (
    "{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% if m.role == 'user' %}"
    "{{ '[INST] ' + m.content | trim + ' [/INST]' }}{% else %}{{ m.content + eos_token }}"
    "{% endif %}{% endfor %}"
)
SCAN = (
    "{%- set found = namespace(value='') -%}{%- for m in messages -%}{%- if m.role == 'stop' -%}"
    "{%- break -%}{%- endif -%}{%- set found.value = found.value + (m | tojson) -%}{%- endfor -%}"
    "{{- found.value -}}"
)
TALK: list[Message] = [
    {"role": "user", "content": " <b>What</b> is 'é'? "},
    {"role": "assistant", "content": "A letter."},
]


@pytest.mark.parametrize("source", [CHATML, LLAMA, SCAN], ids=["chatml", "llama", "scan"])
@pytest.mark.parametrize("asks", [True, False])
def test_the_text_is_the_one_transformers_renders(source: str, asks: bool) -> None:
    template = ChatTemplate(source, bos="<s>", eos="</s>")
    theirs, _ = render_jinja_template(
        conversations=[TALK],
        chat_template=source,
        add_generation_prompt=asks,
        bos_token="<s>",
        eos_token="</s>",
    )
    assert template.render(TALK, add_generation_prompt=asks) == theirs[0]


def test_chatml_reads_as_written() -> None:
    text = ChatTemplate(CHATML).render([{"role": "user", "content": "Hi"}])
    assert text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_the_template_can_refuse() -> None:
    with pytest.raises(TokenizerError, match="fails on these messages: roles must alternate"):
        ChatTemplate(LLAMA).render([{"role": "assistant", "content": "Hi"}])


def test_the_template_can_ask_for_the_date() -> None:
    text = ChatTemplate("{{ strftime_now('%Y') }}").render([])
    assert abs(int(text) - datetime.now().year) <= 1


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ ''.__class__.__base__ }}",
        "{% for i in range(10 ** 9) %}{% endfor %}",
        "{{ messages[5].content.x.y }}",
        "{{ 1 / 0 }}",
        "{{ 'a' + 1 }}",
        "{% include 'secret' %}",
    ],
)
def test_what_a_template_may_not_do_is_one_line(source: str) -> None:
    template = ChatTemplate(source)
    with pytest.raises(TokenizerError, match="the chat template fails") as caught:
        template.render(TALK)
    assert "\n" not in str(caught.value)


def test_a_template_that_is_not_jinja_is_refused_with_its_line() -> None:
    with pytest.raises(TokenizerError, match=r"not valid Jinja \(line 2\)"):
        ChatTemplate("{{ bos_token }}\n{% for %}")


def test_a_pickled_template_renders_the_same() -> None:
    template = ChatTemplate(LLAMA, bos="<s>", eos="</s>")
    assert pickle.loads(pickle.dumps(template)).render(TALK) == template.render(TALK)


TOOLS = [
    {
        "type": "function",
        "function": {"name": "rain", "parameters": {"type": "object", "properties": {}}},
    }
]
HERMES = (
    "{% if tools %}Tools:{% for t in tools %}\n{{ t | tojson }}{% endfor %}\n{% endif %}"
    "{% for m in messages %}{{ m.role }}: {{ m.content }}"
    "{% for c in m.tool_calls or () %}<tool_call>{{ c.function | tojson }}</tool_call>"
    "{% endfor %}\n"
    "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)


def test_tools_are_shown_as_transformers_shows_them():
    calls = [{"id": "a", "type": "function", "function": {"name": "rain", "arguments": {"x": 1}}}]
    talk = [
        {"role": "user", "content": "Will it rain in Örebro?"},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "no", "tool_call_id": "a"},
    ]
    for tools in (TOOLS, []):
        theirs, _ = render_jinja_template(
            conversations=[talk],
            tools=tools or None,
            chat_template=HERMES,
            add_generation_prompt=True,
        )
        assert render_with_tools(ChatTemplate(HERMES), talk, tools) == theirs[0]


def test_a_template_is_asked_whether_it_shows_tools():
    assert takes_tools(ChatTemplate(HERMES))
    assert not takes_tools(ChatTemplate(CHATML))
    assert render_with_tools(ChatTemplate(CHATML), TALK) == ChatTemplate(CHATML).render(TALK)
    with pytest.raises(TokenizerError, match="roles must alternate"):
        render_with_tools(ChatTemplate(LLAMA), TALK[1:])
