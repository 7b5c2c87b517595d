"""Which calls may repeat."""

from __future__ import annotations

import pytest

from quarterdeck.loops.events.allowances import Allowances, Role


@pytest.mark.parametrize(
    "command, role",
    [
        ("sleep 30", Role.POLLING),
        ("sleep 30 && gh pr view 3", Role.POLLING),
        ("gh run watch 123", Role.POLLING),
        ("kubectl get pods -n prod", Role.POLLING),
        ("FOO=1 sudo docker ps", Role.POLLING),
        ("while ! nc -z db 5432; do sleep 1; done", Role.POLLING),
        ("curl -s localhost:8080/health", Role.POLLING),
        ("aws batch describe-jobs --jobs 3", Role.POLLING),
        ("python scripts/check_status.py", Role.POLLING),
        ("tail -f app.log", Role.POLLING),
        ("bash -lc 'sleep 5'", Role.POLLING),
        ("timeout 90s sleep 80", Role.POLLING),
        ("pytest -q 2>&1 | tail -20", Role.OTHER),
        ("pytest tests/test_status.py", Role.OTHER),
        ("git status", Role.OTHER),
        ("curl https://example.com/page", Role.OTHER),
        ("npm test > /dev/null", Role.OTHER),
        ("echo a -> b", Role.OTHER),
        ("sed -n 1,40p a.py", Role.READING),
        ("sed -i s/a/b/ a.py", Role.CHANGE),
        ("git commit -m 'wait for it'", Role.CHANGE),
        ("cd app && npm install left-pad", Role.CHANGE),
        ("echo hi > a.txt", Role.CHANGE),
        ("rg TODO src", Role.SEARCH),
        ("cd src && git grep TODO", Role.SEARCH),
        ('grep -rn "foo(wait)" src', Role.SEARCH),
        ("git commit -m 'Fix\n\nwait for the lock'", Role.CHANGE),
        ("python - <<'EOF'\nwhile x:\n  sleep(3)\nEOF", Role.OTHER),
        ("while read f; do grep foo $f; done", Role.SEARCH),
        ("npm run dev; ps", Role.OTHER),
        ("curl localhost:3000/api/users", Role.OTHER),
        ("until curl -s localhost:80; do date; done", Role.POLLING),
        ("gh run view 4711", Role.POLLING),
        ("gh issue list", Role.OTHER),
        ("kubectl delete pod web; kubectl get pods", Role.CHANGE),
        ("git bisect bad", Role.CHANGE),
        ("docker compose up -d", Role.CHANGE),
        ("cat <<EOF > a.txt\nsleep 3\nEOF", Role.CHANGE),
        ("", Role.OTHER),
        ("|", Role.OTHER),
        ("'", Role.OTHER),
    ],
)
def test_what_a_command_is_for(command, role):
    """By its programs and what they are told; words in its texts and names of files do not count."""
    assert Allowances().role("Bash", command) is role


@pytest.mark.parametrize(
    "tool, role",
    [
        ("BashOutput", Role.POLLING),
        ("TaskOutput", Role.POLLING),
        ("get_build_status", Role.POLLING),
        ("wait", Role.POLLING),
        ("healthCheck", Role.POLLING),
        ("mcp__ci__poll_run", Role.POLLING),
        ("Task", Role.STEPPING),
        ("computer scroll", Role.STEPPING),
        ("browser_press_key", Role.STEPPING),
        ("Edit", Role.CHANGE),
        ("MultiEdit", Role.CHANGE),
        ("str_replace_editor", Role.CHANGE),
        ("WebSearch", Role.SEARCH),
        ("mcp__github__list_issues", Role.SEARCH),
        ("TodoWrite", Role.NOTE),
        ("update_plan", Role.NOTE),
        ("Read", Role.READING),
        ("update_status", Role.CHANGE),
        ("save_output", Role.CHANGE),
        ("list_monitor", Role.SEARCH),
        ("write_stdin", Role.POLLING),
        ("waiter", Role.OTHER),
        ("", Role.OTHER),
    ],
)
def test_what_a_tool_is_for(tool, role):
    """By the words of its name."""
    assert Allowances().role(tool, "") is role


def test_an_editor_that_only_looks():
    """What one word tells it to do decides."""
    assert Allowances().role("str_replace_editor", "view") is Role.READING
    assert Allowances().role("str_replace_editor", "create") is Role.CHANGE


def test_the_word_of_the_user_goes_before_ours():
    """By name or pattern, in whatever case."""
    allowances = Allowances(polling=["Ask*"], batch=["edit"])
    assert allowances.role("ask_server", "") is Role.POLLING
    assert allowances.role("Edit", "") is Role.STEPPING
    assert allowances.role("Write", "") is Role.CHANGE
