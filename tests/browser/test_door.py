"""A web page attacks the local cloud of the developer who looks at it, from every origin that it can have."""

from __future__ import annotations

import base64
import functools
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from playwright.sync_api import Browser, Error, Page, sync_playwright

from localcloud import sessions
from localcloud.deploy import deploy
from localcloud.host import LocalCloud
from tests.browser.chromium import FLAGS, find_chromium
from tests.unit.localcloud.core.assemblies import write_assembly

ATTACKS = Path(__file__).with_name("attacks.js").read_text()
SECRET = "of the house"
OBJECTS = {
    "a/secret": (SECRET, "text/plain"),
    "picture.svg": ('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>', "image/svg+xml"),
    "script.js": ("window.stolen = 'read by a script'", "text/javascript"),
}
# By its address, by a name below localhost, and by a name whose address was changed to this machine's.
ORIGINS = ("127.0.0.1", "evil.localhost", "evil.example")


@dataclass(frozen=True)
class Victim:
    """A local cloud with something in it, and the file that code of an attacker would leave."""

    cloud: LocalCloud
    marker: Path

    def intact(self) -> bool:
        """Whether nothing was taken, changed or added."""
        s3, iam, function = (self.cloud.client(name) for name in ("s3", "iam", "lambda"))
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket="treasure")["Contents"]]
        roles = [role["RoleName"] for role in iam.list_roles()["Roles"] if "mallory" in role["RoleName"]]
        functions = [found["FunctionName"] for found in function.list_functions()["Functions"]]
        return (sorted(keys), roles, "mallory" in functions, self.marker.exists()) == (
            sorted(OBJECTS),
            [],
            False,
            False,
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One that finds evil.example at this machine, as after a change of its address."""
    with sync_playwright() as playwright:
        executable = find_chromium(playwright)
        if executable is None:
            pytest.skip("no Chromium: apt-get install chromium-headless-shell")
        rebound = "--host-resolver-rules=MAP evil.example 127.0.0.1"
        browser = playwright.chromium.launch(executable_path=executable, args=[*FLAGS.split(), rebound])
        yield browser
        browser.close()


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    with LocalCloud(state_dir=tmp_path / "state") as cloud:
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket="treasure")
        for key, (content, kind) in OBJECTS.items():
            s3.put_object(Bucket="treasure", Key=key, Body=content.encode(), ContentType=kind)
        yield Victim(cloud, tmp_path / "marker")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[int]:
    """The port of the attacker's own server."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>A page</title><body></body>")
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Requests are not logged."""


def attack(page: Page, url: str, victim: Victim) -> None:
    """Every attempt of the page: it gets nothing and changes nothing. At last it tries to wipe everything."""
    cloud = {"url": url, "zip": code(victim.marker), "signed": signed_by_test(url)}
    found: dict[str, str] = page.evaluate(ATTACKS, cloud)
    assert len(found) == 20
    assert {name: got for name, got in found.items() if got} == {}
    assert victim.intact()
    page.evaluate("url => fetch(url, {method: 'POST', mode: 'no-cors'}).catch(() => '')", f"{url}/_ministack/reset")
    page.close()
    assert victim.intact()


def signed_by_test(url: str) -> dict[str, str]:
    """Links to the objects, signed with the key and the secret that everybody knows."""
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    s3 = sessions.session("test", "test", region="us-east-1").client("s3", endpoint_url=url, config=config)
    wanted = {key: {"Bucket": "treasure", "Key": key} for key in OBJECTS}
    return {
        key: s3.generate_presigned_url("get_object", Params=place).removeprefix(url) for key, place in wanted.items()
    }


def code(marker: Path) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", f"def handler(event, context):\n    open({str(marker)!r}, 'w').close()\n")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "evil.localhost", "evil.example"])
def test_a_page_of_another_origin_gets_and_changes_nothing(
    browser: Browser, victim: Victim, site: int, origin: str, name: str
) -> None:
    port = victim.cloud.endpoint.rpartition(":")[2]
    page = browser.new_page()
    page.goto(f"http://{origin}:{site}/")
    attack(page, f"http://{name}:{port}", victim)


def test_a_page_that_becomes_the_local_cloud_by_its_name_gets_and_changes_nothing(
    browser: Browser, victim: Victim
) -> None:
    """DNS rebinding: the page's own origin is the local cloud now, and its browser adds nothing that would tell."""
    url = f"http://evil.example:{victim.cloud.endpoint.rpartition(':')[2]}"
    page = browser.new_page()
    page.goto(f"{url}/treasure/a/secret")
    assert SECRET not in page.content()
    attack(page, url, victim)


def test_a_document_without_an_origin_gets_and_changes_nothing(browser: Browser, victim: Victim) -> None:
    page = browser.new_page()
    page.goto("data:text/html,<!doctype html><body></body>")
    attack(page, victim.cloud.endpoint, victim)


def test_a_presigned_link_still_shows_its_object(browser: Browser, victim: Victim, site: int) -> None:
    """How the page shows the plots of a model."""
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    s3 = victim.cloud.session().client("s3", endpoint_url=victim.cloud.endpoint, config=config)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "treasure", "Key": "picture.svg"})
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{site}/")
    page.set_content(f'<img src="{url.replace("&", "&amp;")}">')
    page.wait_for_function("document.images[0].complete")
    assert page.evaluate("document.images[0].naturalWidth") == 8
    with pytest.raises(Error, match="Failed to fetch"):
        page.evaluate("url => fetch(url).then(answer => answer.text())", url)
    page.close()


API = {
    "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "open"}},
    "Get": {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "RestApiId": {"Ref": "Api"},
            "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
            "HttpMethod": "GET",
            "AuthorizationType": "NONE",
            "Integration": {
                "Type": "MOCK",
                "RequestTemplates": {"application/json": '{"statusCode": 200}'},
                "IntegrationResponses": [
                    {
                        "StatusCode": "200",
                        "ResponseTemplates": {"application/json": '{"hello": "page"}'},
                        "ResponseParameters": {"method.response.header.Access-Control-Allow-Origin": "'ORIGIN'"},
                    }
                ],
            },
            "MethodResponses": [
                {
                    "StatusCode": "200",
                    "ResponseParameters": {"method.response.header.Access-Control-Allow-Origin": True},
                }
            ],
        },
    },
    "Deployment": {
        "Type": "AWS::ApiGateway::Deployment",
        "DependsOn": "Get",
        "Properties": {"RestApiId": {"Ref": "Api"}},
    },
    "Stage": {
        "Type": "AWS::ApiGateway::Stage",
        "Properties": {"RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": "Deployment"}, "StageName": "v1"},
    },
}


def test_a_page_that_the_api_names_may_read_it_and_no_other(
    browser: Browser, victim: Victim, site: int, tmp_path: Path
) -> None:
    friend = f"http://127.0.0.1:{site}"
    resources = json.loads(json.dumps(API).replace("ORIGIN", friend))
    body = {"Resources": resources, "Outputs": {"Api": {"Value": {"Ref": "Api"}}}}
    done = deploy(write_assembly(tmp_path, "open", body), victim.cloud.session(), endpoint=victim.cloud.endpoint)
    url = f"{victim.cloud.endpoint}/_aws/execute-api/{done.outputs['open']['Api']}/v1/"
    ask = "url => fetch(url).then(answer => answer.json()).catch(() => 'refused')"
    answers = {}
    for origin in ("127.0.0.1", "evil.localhost"):
        page = browser.new_page()
        page.goto(f"http://{origin}:{site}/")
        answers[origin] = page.evaluate(ask, url)
        page.close()
    assert answers == {"127.0.0.1": {"hello": "page"}, "evil.localhost": "refused"}
