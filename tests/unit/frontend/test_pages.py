"""Every page and each of its states, run by Streamlit without a browser against the fake API."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from contract import Contract
from frontend import times, upload
from frontend.answers import Model
from frontend.batchfile import BatchFile, read
from tests.fakeapi import KEY, FakeApi, documents
from tests.unit.etl.harness import small_contract

APP = Path(__file__).resolve().parents[3] / "frontend" / "app.py"
HOUSING = "california_housing"
PAGES = ("predict", "batch", "models", "runs", "monitoring")

Opener = Callable[..., AppTest]


@pytest.fixture
def opened(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Opener:
    monkeypatch.setattr(times, "now", lambda: documents.NOW)

    def open_page(name: str = "predict", model: str | None = HOUSING) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=20)
        if model:
            app.session_state["model"] = model
        app.run()
        if name != "predict":
            app.switch_page(view(name)).run()
        assert not app.exception
        return app

    return open_page


def view(name: str) -> str:
    return f"views/{name}.py"


def text_of(app: AppTest) -> str:
    """All words of a page, as Markdown."""
    blocks = (app.title, app.subheader, app.markdown, app.caption, app.error, app.info, app.warning, app.code)
    return "\n".join(element.value for block in blocks for element in block)


def submit(app: AppTest) -> AppTest:
    app.button[0].click().run()
    assert not app.exception
    return app


def charts(app: AppTest) -> list[dict[str, object]]:
    return [json.loads(chart.proto.spec) for chart in app.get("vega_lite_chart")]


@pytest.mark.parametrize("name", PAGES)
def test_each_page_names_itself_and_what_is_live(opened: Opener, name: str) -> None:
    app = opened(name)
    assert app.title[0].value == name.capitalize()
    assert "Version 3, live since 10:00 UTC, RMSE 40,982 USD" in text_of(app).replace("\\", "")


@pytest.mark.parametrize("name", PAGES)
def test_an_api_that_is_down_is_told_with_its_address(
    opened: Opener, fake: FakeApi, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("API_URL", "http://127.0.0.1:9/v1")
    app = opened(name)
    assert "The API does not answer" in text_of(app)
    assert "http://127.0.0.1:9 did not answer: the connection was refused." in text_of(app).replace("\\", "")
    monkeypatch.setenv("API_URL", fake.url)
    app.button("retry-page").click().run()
    assert "The API does not answer" not in text_of(app)


def test_a_wrong_key_is_told_without_the_key(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "wrong-key-98765")
    app = opened()
    assert "The API key is not accepted" in text_of(app)
    assert "Set API_KEY" in text_of(app)
    assert "wrong-key" not in str(app)


def test_too_many_requests_say_when_to_come_back(opened: Opener, fake: FakeApi) -> None:
    fake.fail(429, "The requests of today are used up.", Retry_After="12")
    app = opened()
    assert "Too many requests" in text_of(app)
    assert "Try again in 12 s" in text_of(app)


@pytest.mark.parametrize("name", ["models", "runs", "monitoring"])
def test_what_a_page_itself_asks_may_fail(opened: Opener, fake: FakeApi, name: str) -> None:
    path = "versions" if name == "models" else name
    fake.refusals[f"/{path}"] = (500, {"detail": "Internal error", "request_id": "r-9"}, {})
    app = opened(name)
    assert app.title[0].value == name.capitalize()
    assert "The API failed" in text_of(app)
    assert "`r-9`" in text_of(app)
    assert "`mlops logs --request r-9`" in text_of(app)
    assert "Try again" in [button.label for button in app.button]


@pytest.mark.parametrize("name", ["predict", "batch", "models", "monitoring"])
def test_no_live_model_says_how_to_get_one(opened: Opener, fake: FakeApi, name: str) -> None:
    fake.live = False
    app = opened(name)
    assert "No version is live" in text_of(app)
    assert f"mlops upload FILE.csv --model {HOUSING}" in text_of(app)


@pytest.mark.parametrize("name", ["predict", "batch", "models", "monitoring"])
def test_a_model_that_was_stopped_is_not_asked_for_data(opened: Opener, fake: FakeApi, name: str) -> None:
    fake.live, fake.notice = (
        False,
        f"Version 3 is approved, and {HOUSING} was stopped: mlops deploy {HOUSING} brings it back.",
    )
    shown = text_of(opened(name))
    assert f"mlops deploy {HOUSING} brings it back" in shown.replace("\\", "")
    assert "No version is live" in shown
    assert "What stands above says why" in shown
    assert "mlops upload" not in shown


def test_an_api_without_models_says_so(opened: Opener, fake: FakeApi) -> None:
    fake.models = ()
    assert "There is no model" in text_of(opened())


def test_a_page_without_settings_names_the_variable(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_KEY")
    assert "API_KEY is not set" in text_of(opened())


def test_one_model_needs_no_selector(opened: Opener, fake: FakeApi) -> None:
    fake.models = (HOUSING,)
    app = opened(model=None)
    assert [box.label for box in app.selectbox] == ["Ocean proximity"]


def test_the_chosen_model_stays_on_the_next_page(opened: Opener) -> None:
    app = opened(model=None)
    app.selectbox("model-selector").select(HOUSING).run()
    app.switch_page(view("models")).run()
    assert app.selectbox("model-selector").value == HOUSING


@pytest.mark.parametrize("model", documents.CONTRACTS)
def test_the_form_has_a_field_for_each_feature(opened: Opener, model: str) -> None:
    contract = documents.CONTRACTS[model]
    app = opened(model=model)
    for feature in contract.features:
        key = f"field:{model}:{feature.name}"
        if feature.type == "number":
            field = app.number_input(key)
            assert (field.value, field.min, field.max) == (feature.default, feature.min, feature.max)
        else:
            box = app.selectbox(key)
            assert (box.value, tuple(box.options)) == (feature.default, feature.levels)


def test_a_prediction_shows_price_interval_and_what_drove_it(opened: Opener, fake: FakeApi) -> None:
    app = opened()
    app.number_input(f"field:{HOUSING}:median_income").set_value(7.0)
    submit(app)
    sent = next(request for request in fake.requests if request.method == "POST")
    expected = documents.prediction(documents.CONTRACTS[HOUSING], sent.body["instances"][0], explain=True)
    assert sent.path.endswith("/predictions?explain=true")
    assert sent.body["instances"][0]["median_income"] == 7.0
    assert app.metric[0].value == f"{expected['value']:,.0f} USD"
    assert "90 % interval" in text_of(app)
    assert "What drove it" in text_of(app)
    waterfall = charts(app)[0]
    assert waterfall["layer"][0]["encoding"]["x"]["title"] == "Median house value (USD)"  # type: ignore[index]


def test_an_unknown_value_is_sent_as_null(opened: Opener, fake: FakeApi) -> None:
    app = opened()
    app.number_input(f"field:{HOUSING}:total_bedrooms").set_value(None)
    submit(app)
    sent = next(request for request in fake.requests if request.method == "POST")
    assert sent.body["instances"][0]["total_bedrooms"] is None


def test_what_must_be_known_is_asked_for_before_anything_is_sent(opened: Opener, fake: FakeApi) -> None:
    app = opened()
    app.number_input(f"field:{HOUSING}:population").set_value(None)
    submit(app)
    assert app.warning[0].value == "Fill in Population (people)."
    assert [request for request in fake.requests if request.method == "POST"] == []


def test_a_refused_form_is_told_field_by_field(opened: Opener, fake: FakeApi) -> None:
    app = opened()
    document = {"detail": "1 invalid", "errors": [{"instance": 0, "field": "total_rooms", "reason": "is odd"}]}
    fake.answers.append((400, document, {}))
    submit(app)
    assert "**Total rooms** is odd" in text_of(app)


def test_a_throttled_prediction_keeps_the_form(opened: Opener, fake: FakeApi) -> None:
    app = opened()
    app.number_input(f"field:{HOUSING}:median_income").set_value(7.0)
    fake.fail(429, "Too many requests at once", Retry_After="3")
    submit(app)
    assert "Try again in 3 s" in text_of(app)
    assert app.number_input(f"field:{HOUSING}:median_income").value == 7.0


def test_a_binary_model_shows_label_and_probability(opened: Opener) -> None:
    app = submit(opened(model="breast_cancer"))
    assert app.metric[0].value == "benign"
    assert "malignant from a probability of 50 %" in text_of(app)
    waterfall = charts(app)[0]
    assert waterfall["layer"][0]["encoding"]["x"]["title"] == "Log-odds"  # type: ignore[index]


def test_what_if_asks_once_and_follows_the_slider(opened: Opener, fake: FakeApi) -> None:
    app = submit(opened())
    app.selectbox("what-if").select("median_income").run()
    asked = [request for request in fake.requests if request.method == "POST"]
    slider = app.select_slider[0]
    assert len(asked[-1].body["instances"]) == len(slider.options)
    slider.set_value(20.0).run()
    assert not app.exception
    assert len([request for request in fake.requests if request.method == "POST"]) == len(asked)
    assert app.metric[-1].delta != "as asked"


def test_what_if_on_a_category_has_its_levels(opened: Opener) -> None:
    app = submit(opened())
    app.selectbox("what-if").select("ocean_proximity").run()
    app.segmented_control[0].set_value("ISLAND").run()
    assert not app.exception
    assert app.metric[-1].delta == "\u22124,000 USD"


def test_the_visit_is_kept_while_other_pages_are_seen(opened: Opener) -> None:
    app = submit(submit(opened()))
    app.switch_page(view("batch")).run()
    app.switch_page(view("predict")).run()
    assert len(app.dataframe[0].value) == 2
    assert app.dataframe[0].value["median_house_value"].tolist() == [206_855.0, 206_855.0]


def test_a_batch_is_predicted_with_its_bad_rows_listed(opened: Opener, fake: FakeApi) -> None:
    features = documents.CONTRACTS[HOUSING].features
    good = ",".join(str(feature.default) for feature in features)
    lines = [",".join(feature.name for feature in features), *[good] * 520, good.replace("-119.5", "12"), "1,2"]
    app = opened("batch")
    app.file_uploader[0].upload("rows.csv", "\n".join(lines).encode(), "text/csv").run()
    assert "The first 8 of 522 rows" in text_of(app).replace("\\", "")
    app.button("start").click().run()
    assert not app.exception
    sizes = [len(request.body["instances"]) for request in fake.requests if request.method == "POST"]
    assert sizes == [500, 20]
    assert [metric.value for metric in app.metric] == ["520", "2", "3", "206,855 USD"]
    rejects = app.dataframe[-1].value
    assert rejects["line"].tolist() == [522, 523]
    assert rejects["reason"].tolist() == ["longitude must be at most -114, is 12", "2 fields, the header has 9"]
    assert len(app.dataframe[-2].value) == 520


def housing_csv(rows: int, *more: str) -> bytes:
    """Records of the contract's defaults; `more` are names of further columns, empty in each row."""
    features = documents.CONTRACTS[HOUSING].features
    line = ",".join([*(str(feature.default) for feature in features), *("" for _ in more)])
    return "\n".join([",".join([*(feature.name for feature in features), *more]), *[line] * rows]).encode()


def test_a_file_is_read_once_and_its_answers_stay_until_another_comes(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[int] = []

    def counted(content: bytes, model: Model) -> BatchFile:
        files.append(len(content))
        return read(content, model)

    monkeypatch.setattr(upload, "read", counted)
    app = opened("batch")
    first, second = housing_csv(3), housing_csv(4)
    for _ in range(2):  # the same content again is the same file
        app.file_uploader[0].upload("rows.csv", first, "text/csv").run()
        app.button("start").click().run()
        app.run()
        assert app.button("start").label == "Predict again"
    assert files == [len(first)]
    app.file_uploader[0].upload("rows.csv", second, "text/csv").run()
    assert app.button("start").label == "Predict 4 rows"
    app.file_uploader[0].upload("rows.csv", first, "text/csv").run()
    assert app.button("start").label == "Predict 3 rows"
    assert files == [len(first), len(second), len(first)]


def test_columns_of_the_file_that_are_renamed_are_told(opened: Opener) -> None:
    app = opened("batch")
    app.file_uploader[0].upload("rows.csv", housing_csv(1, "high", "id"), "text/csv").run()
    app.button("start").click().run()
    assert "because the page adds one of that name: high (given)." in text_of(app).replace("\\", "")
    assert app.dataframe[0].value["high"].tolist() == [266_855.0]


def test_a_file_that_cannot_be_used_says_why(opened: Opener) -> None:
    app = opened("batch")
    app.file_uploader[0].upload("rows.csv", b"a,b\n1,2\n", "text/csv").run()
    assert "The file cannot be used" in text_of(app)


def test_a_batch_that_is_cut_off_keeps_what_it_has(opened: Opener, fake: FakeApi) -> None:
    features = documents.CONTRACTS[HOUSING].features
    good = ",".join(str(feature.default) for feature in features)
    lines = [",".join(feature.name for feature in features), *[good] * 501]
    app = opened("batch")
    app.file_uploader[0].upload("rows.csv", "\n".join(lines).encode(), "text/csv").run()
    record = {feature.name: feature.default for feature in features}
    first = [documents.prediction(documents.CONTRACTS[HOUSING], record, explain=False)] * 500
    fake.answers = [(200, {"model_version": "3", "predictions": first}, {})]
    fake.fail(502, "The model failed on this request.")
    app.button("start").click().run()
    assert "The API failed" in text_of(app)
    assert app.metric[0].value == "500"


def test_versions_with_the_live_one_in_detail(opened: Opener) -> None:
    app = opened("models")
    table = app.dataframe[0].value
    assert table["Version"].tolist() == [3, 2, 1]
    assert table["State"].tolist() == ["\u25cf live", "rejected", "superseded"]
    assert [metric.value for metric in app.metric] == ["40,982 USD", "26,300 USD", "0.8764"]
    assert "Test rmse is within the limit" in text_of(app)
    assert [image.proto.imgs[0].url.partition("/plots/")[2] for image in app.get("image")] == [
        "predicted_vs_actual.png?signature=s",
        "feature_importance.png?signature=s",
    ]


def test_a_rejected_version_that_goes_on_serving_is_shown_on_both_pages(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "rejected, still serving, nothing to go back to"
    contract = documents.CONTRACTS[HOUSING]
    known = documents.versions(contract)
    known[0] |= {"approval": "Rejected", "deployment": words}
    monkeypatch.setattr(documents, "versions", lambda _: known)
    app = opened("models")
    assert app.dataframe[0].value["State"].tolist()[0] == f"\u25cf {words}"
    assert words in text_of(app)
    watched = documents.monitoring(contract, hours=24, now=datetime.now(UTC))
    watched["endpoint"]["state"] = words
    monkeypatch.setattr(documents, "monitoring", lambda *_, **__: watched)
    (warning,) = opened("monitoring").warning
    assert warning.value.replace("\\", "") == f"The version that answers: {words}."


@pytest.mark.parametrize(("unit", "shown"), [({"unit": "EUR"}, "40,982 EUR"), ({}, "40,982 USD")])
def test_a_version_is_shown_in_the_unit_of_its_own_contract(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, unit: dict[str, str], shown: str
) -> None:
    """The contract of the live one may have another by now; older APIs tell no unit of a version."""
    versions = documents.versions

    def told(model: Contract) -> list[dict[str, Any]]:
        return [{name: value for name, value in item.items() if name != "unit"} | unit for item in versions(model)]

    monkeypatch.setattr(documents, "versions", told)
    app = opened("models")
    assert app.metric[0].value == shown
    assert any(f"Errors in {shown[-3:]}." in caption.value for caption in app.caption)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("live", "Served by"),
        ("training", ":blue-badge[:material/progress_activity: training]"),
        ("failed", "out of memory"),
    ],
)
def test_a_run_shows_its_stages_steps_and_log(opened: Opener, fake: FakeApi, state: str, words: str) -> None:
    fake.run_state = state
    app = opened("runs")
    assert words in text_of(app)
    assert "**pre-processing**" in text_of(app)
    last = {"live": "Register", "training": "Train", "failed": "Train"}[state]
    assert app.code[0].value == f"{last}: line 1\n{last}: line 2\n{last}: line 3"


def test_a_run_tells_where_its_rows_went(opened: Opener) -> None:
    app = opened("runs")
    words = text_of(app).replace("\\", "")
    assert "20,640 rows read = 198 rejected + 13,012 train + 3,302 validation + 4,128 test" in words
    reason = "120 rejected: total_rooms: not a number (line 7: total_rooms must be a number, is 'many')"
    assert reason in words
    assert app.warning[0].value.replace("\\", "").startswith("22 % of the rows are equal to an earlier one")


def test_a_refused_file_tells_where_its_rows_went(opened: Opener, fake: FakeApi) -> None:
    fake.run_state = "refused"
    app = opened("runs")
    words = text_of(app).replace("\\", "")
    assert "40 rows read = 9 rejected + 31 usable, of which nothing was made" in words
    assert "9 rejected: total_rooms: not a number (line 7: total_rooms must be a number, is 'many')" in words
    assert [toggle.label for toggle in app.toggle if toggle.label.startswith("R")] == ["Rejected rows"]


def test_rejected_rows_are_shown_and_downloaded_when_asked_for(opened: Opener, fake: FakeApi) -> None:
    app = opened("runs")
    assert not [request for request in fake.requests if "/rejects" in request.path]
    fake.most_rejects = 1
    app.toggle(f"rejects:{documents.RUN_ID}").set_value(True).run()
    assert not app.exception
    table = app.dataframe[1].value
    assert table.to_dict("records") == [
        {"Line": 7, "Why": documents.REJECTS[0]["reason"], "Row": documents.REJECTS[0]["row"]}
    ]
    assert [item.proto.label for item in app.get("download_button")] == ["Download rejected rows"]
    assert f"The first 1 row; all of them: `mlops rejects {documents.RUN_ID} --out FILE`" in text_of(app)


def test_rows_of_the_data_set_are_links(opened: Opener, fake: FakeApi) -> None:
    app = opened("runs")
    app.toggle(f"data:{documents.RUN_ID}").set_value(True).run()
    assert not app.exception
    links = {item.proto.label: item.proto.url for item in app.get("link_button")}
    base = fake.url.removesuffix("/v1")
    assert links == {name: f"{base}/plots/{name}?signature=s" for name in ("test-1.parquet", "train-1.parquet")}
    assert "**Test** 4,128 rows" in text_of(app)


def test_rows_that_the_api_cannot_give_are_told(opened: Opener, fake: FakeApi) -> None:
    app = opened("runs")
    fake.refusals["/rejects"] = (500, {"detail": "Internal error", "request_id": "r-9"}, {})
    app.toggle(f"rejects:{documents.RUN_ID}").set_value(True).run()
    assert not app.exception
    assert "The API failed" in text_of(app)
    assert "**Register**" in text_of(app)


def test_a_run_that_has_only_been_uploaded_is_shown_all_the_same(opened: Opener, fake: FakeApi) -> None:
    fake.run_state = "uploaded"
    fake.refusals["/runs/"] = (404, {"detail": "There is no run."}, {})
    app = opened("runs")
    assert app.subheader[0].value == f"Run {documents.RUN_ID}"
    assert ":blue-badge[:material/progress_activity: uploaded]" in text_of(app)


def test_no_runs_says_how_to_start_one(opened: Opener, fake: FakeApi) -> None:
    fake.no_runs = True
    assert "No runs yet" in text_of(opened("runs"))


def test_monitoring_shows_series_anomalies_and_alarms(opened: Opener) -> None:
    app = opened("monitoring")
    words = text_of(app)
    assert "1 unusual point" in words
    assert words.index("latency") < words.index("errors")
    values = {metric.label: metric.value for metric in app.metric}
    assert (values["Version"], values["Errors"], values["Alarms"]) == ("3", "4", "1 of 2")
    assert len(charts(app)) == 5


def test_monitoring_without_requests_says_so(opened: Opener, fake: FakeApi) -> None:
    fake.quiet = True
    assert "No requests in this time" in text_of(opened("monitoring"))


def test_the_key_is_in_nothing_that_a_page_sends(opened: Opener) -> None:
    for name in PAGES:
        app = submit(opened(name)) if name == "predict" else opened(name)
        assert KEY not in str(app)


def test_a_boolean_is_a_box_to_tick_and_is_sent_as_true_or_false(
    opened: Opener, fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    lift = {"type": "boolean", "levels": ["no", "yes"], "default": False}
    attic = {"type": "boolean", "levels": ["none", "<b>some"], "nullable": True}
    monkeypatch.setitem(documents.CONTRACTS, "flats", small_contract(features={"lift": lift, "attic": attic}))
    fake.models = (*fake.models, "flats")
    app = opened(model="flats")
    (box,) = app.checkbox
    assert (box.label, box.value) == ("Lift", False)
    box.check()
    submit(app)
    sent = next(request.body for request in fake.requests if request.method == "POST")
    assert (sent["instances"][0]["lift"], sent["instances"][0]["attic"]) == (True, None)
    app.selectbox(key="what-if").set_value("lift").run()
    assert not app.exception
    asked = fake.requests[-1].body["instances"]
    assert [instance["lift"] for instance in asked] == [False, True]
    assert '"type": "nominal"' in json.dumps(charts(app)[-1])
