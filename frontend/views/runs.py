"""What became of every upload: how far it is, its steps, and the last lines that a step wrote."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from frontend import session, states
from frontend.answers import Summary
from frontend.errors import ApiError, Kind
from frontend.formatting import duration, moment, title
from frontend.heading import page
from frontend.records import Run, Step
from frontend.runrows import show_books, show_rows
from frontend.words import code, escaped, verbatim

STAGES = ("uploaded", "queued", "etl", "training", "deploying", "live")
# How often to look again, in seconds: while something moves, and while nothing does.
MOVING, RESTING = 3.0, 30.0

GOOD = ("live", "unchanged")
BAD = ("refused", "failed", "rejected")
ICONS = {"good": ":material/check_circle:", "bad": ":material/cancel:", "now": ":material/progress_activity:"}
TONES = {"good": "green", "bad": "red", "now": "blue", "wait": "gray"}


def _runs(summary: Summary) -> None:
    moving = any(not run.final for run in session.runs(summary.name))
    st.fragment(_live, run_every=MOVING if moving else RESTING)(summary, moving)


def _live(summary: Summary, was_moving: bool) -> None:
    with states.shown(retry="retry-runs"):
        found = session.runs(summary.name)
        if any(not run.final for run in found) != was_moving:
            st.rerun()
        if not found:
            states.empty(
                ":material/conversion_path:",
                "No runs yet",
                f"Upload a data file, and it appears here:\n\n{code(f'mlops upload FILE.csv --model {summary.name}')}",
            )
            return
        chosen = _table(found, summary.name)
        _run(summary.name, _detail(summary.name, chosen))


def _table(found: tuple[Run, ...], model: str) -> Run:
    """Returns the selected run, the newest before a selection."""
    event = st.dataframe(
        runs_frame(found),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"runs:{model}",
        column_config={
            "Started": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
            "Version": st.column_config.NumberColumn(width="small"),
            "Why": st.column_config.TextColumn(width="large"),
        },
    )
    rows = event.selection.rows
    return found[rows[0]] if rows and rows[0] < len(found) else found[0]


def _detail(model: str, chosen: Run) -> Run:
    """With its logs; as the list has it while the API knows no more of it than that it was uploaded."""
    try:
        return session.run(model, chosen.run_id)
    except ApiError as error:
        if error.kind is Kind.NOT_FOUND:
            return chosen
        raise


def runs_frame(found: tuple[Run, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Run": [run.run_id for run in found],
            "State": [run.state for run in found],
            "Started": [run.started for run in found],
            "Version": pd.array([run.model_version for run in found], dtype="Int64"),
            "File": [run.file for run in found],
            "Why": [run.reason for run in found],
        }
    )


def _run(model: str, run: Run) -> None:
    st.subheader(f"Run {escaped(run.run_id)}", anchor=False)
    st.markdown(progress(run))
    facts = [run.file, f"started {moment(run.started)}" if run.started else ""]
    facts.append(f"{run.state} since {moment(run.since)}" if run.since else "")
    st.caption(escaped(" · ".join(fact for fact in facts if fact)))
    show_books(run)
    if run.reason:
        tone = st.error if run.state in BAD else st.info
        tone(escaped(run.reason))
    if not run.steps:
        st.caption("No step has started.")
        return
    _steps(run.steps)
    show_rows(model, run)
    _log(run)


def progress(run: Run) -> str:
    """The stages as badges: done, under way, ended badly, to come."""
    reached = STAGES.index(run.state) if run.state in STAGES else None
    if reached is not None:
        tones = ["good" if place < reached else "wait" for place in range(len(STAGES))]
        tones[reached] = "good" if run.state in GOOD else "now"
        return _badges(list(zip(STAGES, tones, strict=True)))
    ended = "good" if run.state in GOOD else "bad" if run.state in BAD else "wait"
    done = [stage for stage in STAGES[2:4] if any(_stage(step) == stage for step in run.steps)]
    return _badges([("uploaded", "good"), *((stage, "good") for stage in done), (run.state, ended)])


def step_tone(status: str) -> str:
    status = status.lower()
    if status in ("succeeded", "completed"):
        return "good"
    if status in ("failed", "timeout", "stopped", "error"):
        return "bad"
    return "now" if status in ("running", "executing", "starting", "stopping") else "wait"


def _stage(step: Step) -> str:
    """Glue writes its states in capitals, SageMaker does not."""
    return "etl" if step.status.isupper() else "training"


def _badges(stages: list[tuple[str, str]]) -> str:
    words = [f":{TONES[tone]}-badge[{ICONS.get(tone, '')} {escaped(name)}]" for name, tone in stages]
    return " :gray[:material/arrow_forward:] ".join(words)


def _steps(steps: tuple[Step, ...]) -> None:
    with st.container(border=True):
        for step in steps:
            tone = step_tone(step.status)
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                icon = ICONS.get(tone, ":material/schedule:")
                st.markdown(f":{TONES[tone]}[{icon}] **{escaped(step.name)}** :gray[{escaped(step.status.lower())}]")
                st.markdown(f":gray[{duration(step.seconds)}]", width="content")
            if step.reason:
                st.caption(escaped(step.reason))


def _most_telling(steps: tuple[Step, ...]) -> int:
    """The step that failed, or else the last that wrote something."""
    failed = [place for place, step in enumerate(steps) if step_tone(step.status) == "bad"]
    return next(iter(failed), max((place for place, step in enumerate(steps) if step.log), default=len(steps) - 1))


def _log(run: Run) -> None:
    names = [step.name for step in run.steps]
    chosen = st.selectbox("Last lines of", names, index=_most_telling(run.steps), key=f"log:{run.run_id}")
    step = next(step for step in run.steps if step.name == chosen)
    if step.log:
        st.code(verbatim("\n".join(step.log)), language=None, wrap_lines=False)
    else:
        st.caption(f"{escaped(title(step.name))} has written nothing.")


page("Runs", _runs)
