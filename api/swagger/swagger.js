// The document at /openapi.json as a page: every route, with a form to try it. No library, nothing from elsewhere.

const routes = document.getElementById('routes');
const who = document.getElementById('who');

function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function example(schema, schemas) {
  if (schema.$ref) return example(schemas[schema.$ref.split('/').pop()], schemas);
  if (schema.examples) return schema.examples[0];
  if ('default' in schema) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.const) return schema.const;
  if (schema.anyOf) return example(schema.anyOf[0], schemas);
  if (schema.type === 'object') {
    const wanted = Object.entries(schema.properties || {}).filter(([name]) => (schema.required || []).includes(name) || name === 'price');
    return Object.fromEntries(wanted.map(([name, field]) => [name, example(field, schemas)]));
  }
  return { boolean: false, integer: 1, number: 1, array: [] }[schema.type] ?? '';
}

function input(parameter) {
  const schema = parameter.schema || {};
  const value = schema.default ?? (parameter.in === 'path' ? schema.examples?.[0] : '') ?? '';
  const field = element('input', { value, required: parameter.required });
  field.dataset.name = parameter.name;
  field.dataset.place = parameter.in;
  return element('label', {}, `${parameter.name}${parameter.required ? ' *' : ''}`, field);
}

function headers() {
  const said = new FormData(who);
  const made = {};
  for (const name of ['api-key', 'api-secret']) if (said.get(name)) made[name] = said.get(name);
  if (said.get('bearer')) made.Authorization = `Bearer ${said.get('bearer')}`;
  return made;
}

function requestOf(form, method, path) {
  const query = new URLSearchParams();
  const made = { method: method.toUpperCase(), headers: headers() };
  for (const field of form.querySelectorAll('input')) {
    const { name, place } = field.dataset;
    if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(field.value));
    else if (field.value && place === 'query') query.set(name, field.value);
    else if (field.value && place === 'header') made.headers[name] = field.value;
  }
  const body = form.querySelector('textarea');
  if (body) {
    made.body = body.value;
    made.headers['Content-Type'] = 'application/json';
  }
  return [query.size ? `${path}?${query}` : path, made];
}

async function show(response, output) {
  output.textContent = `${response.status} ${response.statusText}\n\n`;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    output.textContent = (output.textContent + part.value).slice(-200_000);
  }
  const [head, text] = output.textContent.split(/\n\n([^]*)/);
  try {
    // Only laid out, not re-made: numbers that JavaScript cannot hold must keep their digits.
    JSON.parse(text);
    output.textContent = `${head}\n\n${laidOut(text)}`;
  } catch { /* not JSON: shown as it came */ }
}

function laidOut(json) {
  let depth = 0;
  return json.replace(/"(?:\\.|[^"\\])*"|[{[]\s*[}\]]|[{}[\],:]/g, (token) => {
    const line = () => `\n${'  '.repeat(depth)}`;
    if (token === '{' || token === '[') { depth += 1; return token + line(); }
    if (token === '}' || token === ']') { depth -= 1; return line() + token; }
    if (token === ',') return token + line();
    return token === ':' ? ': ' : token;
  });
}

function route(method, path, operation, schemas) {
  const form = element('form', { className: 'try' });
  form.append(...operation.parameters.map(input));
  const body = operation.requestBody?.content['application/json'].schema;
  if (body) form.append(element('textarea', { value: JSON.stringify(example(body, schemas), null, 2), spellcheck: false }));
  const output = element('pre', { hidden: true });
  let running = null;
  form.append(element('button', { textContent: 'Try it' }), output);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    running?.abort();
    running = new AbortController();
    output.hidden = false;
    output.textContent = '…';
    try {
      const [url, made] = requestOf(form, method, path);
      await show(await fetch(url, { ...made, signal: running.signal }), output);
    } catch (error) {
      if (error.name !== 'AbortError') output.textContent = String(error);
    }
  });
  const name = element('span', { className: `method ${method}`, textContent: method.toUpperCase() });
  const summary = element('summary', {}, name, element('code', { textContent: path }), element('span', { textContent: operation.summary }));
  return element('details', {}, summary, form);
}

function group(tag, rows) {
  return element('section', {}, element('h2', { textContent: tag }), ...rows);
}

const said = await (await fetch('/openapi.json')).json();
const groups = new Map();
for (const [path, methods] of Object.entries(said.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    const rows = groups.get(operation.tags[0]) ?? [];
    rows.push(route(method, path, operation, said.components.schemas));
    groups.set(operation.tags[0], rows);
  }
}
routes.replaceChildren(...[...groups].map(([tag, rows]) => group(tag, rows)));
