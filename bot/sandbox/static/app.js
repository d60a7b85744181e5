"use strict";
// Everything anybody wrote goes into the page as text nodes, never as HTML.
const $ = (id) => document.getElementById(id);
const state = { world: null, chats: [], person: 0, chat: null, reply: 0, edit: 0, unread: new Map(), draft: 0, turn: 0 };

async function call(path, body) {
  const init = body === undefined ? {} : body instanceof FormData ? { method: "POST", body }
    : { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const response = await fetch(`/sandbox/${path}`, init).catch((error) => { toast("The sandbox does not answer"); throw error; });
  const answer = await response.json();
  if (!response.ok) { toast(answer.error || "That did not work"); throw new Error(answer.error); }
  return answer;
}
const here = (action) => `people/${state.person}/chats/${state.chat.id}/${action}`;

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}
function button(label, action) {
  const node = make("button", "", label);
  node.type = "button";
  node.addEventListener("click", action);
  return node;
}
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { $("toast").hidden = true; }, 4000);
}

const TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", expandable_blockquote: "blockquote" };
function link(address, className) {
  const node = make("a", className);
  if (/^(https?|mailto|tel|tg):/i.test(address)) { node.href = address; node.target = "_blank"; node.rel = "noopener noreferrer"; }
  const start = /^https?:\/\/t\.me\/(\w+)\?start=([\w-]+)$/i.exec(address);
  if (start && start[1] === state.world.bot.username) node.addEventListener("click", (event) => {
    event.preventDefault();
    call(`people/${state.person}/chats/${state.person}/text`, { text: `/start ${start[2]}` });
  });
  return node;
}
function element(entity, covered) {
  if (TAGS[entity.type]) return make(TAGS[entity.type]);
  if (entity.type === "text_link") return link(entity.url);
  if (entity.type === "url") return link(covered);
  if (entity.type === "spoiler") { const node = make("span", "spoiler"); node.tabIndex = 0; return node; }
  return make("span", entity.type);
}
function rich(text, entities, from = 0, to = text.length) {
  const out = document.createDocumentFragment();
  let at = from;
  for (let i = 0; i < entities.length; i++) {
    const entity = entities[i], end = Math.min(entity.offset + entity.length, to);
    if (entity.offset < at || entity.offset >= to) continue;
    out.append(text.slice(at, entity.offset));
    const node = element(entity, text.slice(entity.offset, end));
    node.append(rich(text, entities.slice(i + 1), entity.offset, end));
    out.append(node);
    at = end;
  }
  out.append(text.slice(at, to));
  return out;
}

function media(message) {
  const out = document.createDocumentFragment();
  const file = (item) => `/sandbox/files/${encodeURIComponent(item.file_id)}`;
  if (message.photo) {
    const image = make("img");
    image.src = file(message.photo.at(-1));
    image.alt = message.caption || "Photo";
    const bottom = atBottom();
    image.addEventListener("load", () => { if (bottom) toBottom(); });
    out.append(image);
  }
  for (const kind of ["document", "video", "audio", "voice"]) {
    if (!message[kind]) continue;
    const node = make("a", "", `⬇ ${message[kind].file_name || kind} (${message[kind].file_size} bytes)`);
    node.href = file(message[kind]);
    node.download = message[kind].file_name || kind;
    out.append(node, "\n");
  }
  if (message.sticker) out.append(`${message.sticker.emoji || ""} sticker`);
  if (message.location) out.append(`📍 ${message.location.latitude}, ${message.location.longitude}`);
  if (message.contact) out.append(`👤 ${message.contact.first_name} ${message.contact.phone_number}`);
  return out;
}
function bubble(message) {
  const mine = message.from?.id === state.person && !message.sender_chat;
  const node = make("article", mine ? "message mine" : "message");
  const body = make("div", "bubble");
  node.dataset.id = message.message_id;
  const name = message.sender_chat?.title || message.from?.first_name || "";
  node.setAttribute("aria-label", `Message from ${name}`);
  body.append(make("span", "name", message.via_bot ? `${name} via @${message.via_bot.username}` : name));
  if (message.forward_origin) body.append(make("span", "quote", "Forwarded message"));
  const replied = message.reply_to_message;
  if (replied) body.append(make("span", "quote", (replied.text || replied.caption || "Attachment").slice(0, 120)));
  body.append(media(message), rich(message.text || message.caption, message.entities));
  const meta = make("div", "meta");
  meta.append((message.edit_date ? "edited " : "") + new Date(message.date * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  meta.append(button("Reply", () => context("reply", message)));
  if (mine) meta.append(button("Edit", () => context("edit", message)));
  body.append(meta);
  node.append(body);
  for (const line of message.reply_markup?.inline_keyboard || []) {
    const row = make("div", "row");
    for (const item of line) row.append(button(item.text, () => press(message, item)));
    node.append(row);
  }
  return node;
}
async function press(message, item) {
  let address = item.url;
  if (item.callback_data !== undefined) {
    const answer = await call(here("press"), { message_id: message.message_id, data: item.callback_data, wait: 15 });
    if (answer.text && answer.show_alert) { $("alert").querySelector("p").textContent = answer.text; $("alert").showModal(); }
    else if (answer.text) toast(answer.text);
    else if (!answer.answered) toast("The bot did not answer");
    address = answer.url;
  }
  if (address) { const node = link(address); if (node.href) node.click(); }
  const inline = item.switch_inline_query_current_chat ?? item.switch_inline_query;
  if (inline !== undefined) { $("text").value = `@${state.world.bot.username} ${inline}`; $("text").focus(); offer(); }
  if (item.copy_text) { await navigator.clipboard.writeText(item.copy_text.text); toast("Copied"); }
}

async function loadPeople() {
  state.world = await call("world");
  state.chats = await Promise.all(state.world.people.map(async (person) => ({ person, chats: await call(`people/${person.id}/chats`) })));
  drawChats();
}
function drawChats() {
  const focused = document.activeElement?.dataset?.key;
  $("chats").replaceChildren(...state.chats.flatMap(({ person, chats }) => chats.map((chat) => {
    const key = `${person.id}/${chat.id}`;
    const node = button(person.first_name, () => open(person, chat));
    node.append(make("span", "role", chat.type === "private" ? person.role : chat.title));
    node.dataset.key = key;
    if (state.person === person.id && state.chat?.id === chat.id) node.setAttribute("aria-current", "true");
    if (state.unread.get(key)) node.append(make("span", "badge", state.unread.get(key)));
    return node;
  })));
  if (focused) $("chats").querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}
async function open(person, chat) {
  state.person = person.id;
  state.chat = chat;
  state.unread.delete(`${person.id}/${chat.id}`);
  $("title").textContent = `${person.first_name} — ${chat.title || state.world.bot.first_name}`;
  $("menu").hidden = true;
  cancel();
  drawChats();
  $("text").focus(); // at once: later it could take the focus from what was chosen meanwhile
  await refresh();
}
function atBottom() { return $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 80; }
function toBottom() { $("log").scrollTop = $("log").scrollHeight; }
async function refresh() {
  if (!state.chat) return;
  const { person, chat } = state, turn = ++state.turn;
  const messages = await call(here("messages"));
  if (turn !== state.turn) return; // an older answer must not replace a newer one
  const bottom = atBottom();
  const shown = new Map([...$("log").children].map((node) => [node.dataset.key, node]));
  const log = $("log"), focused = document.activeElement?.closest("#log article");
  const nodes = messages.map((message) => {
    const key = `${person}/${chat.id}/${JSON.stringify(message)}`;
    const node = shown.get(key) || bubble(message);
    node.dataset.key = key;
    return node;
  });
  const opened = ![...shown.keys()].some((key) => key?.startsWith(`${person}/${chat.id}/`));
  for (const node of [...log.children]) if (!nodes.includes(node)) node.remove();
  nodes.forEach((node, i) => { if (log.children[i] !== node) log.insertBefore(node, log.children[i] || null); });
  if (focused && !opened && !focused.isConnected) (log.querySelector(`[data-id="${focused.dataset.id}"] button`) || log).focus();
  if (!messages.length && chat.type === "private") $("log").append(button("START", () => call(here("text"), { text: "/start" })));
  if (bottom || opened) toBottom();
  const entry = state.chats.find((item) => item.person.id === person);
  $("block").hidden = chat.type !== "private";
  $("block").textContent = entry?.person.blocked ? "Unblock bot" : "Block bot";
  const rows = entry?.chats.find((item) => item.id === chat.id)?.keyboard?.keyboard || [];
  $("keyboard").replaceChildren(...rows.flat().map((item) => button(item.text, () => call(here("text"), { text: item.text }))));
}

function context(kind, message) {
  cancel();
  state.reply = kind === "reply" ? message.message_id : 0;
  state.edit = kind === "edit" ? message.message_id : 0;
  if (state.edit) $("text").value = message.text || message.caption;
  $("context").firstElementChild.textContent = `${kind === "reply" ? "Reply to" : "Edit"}: ${(message.text || message.caption).slice(0, 60)}`;
  $("context").hidden = false;
  $("text").focus();
}
function cancel() { if (state.edit) $("text").value = ""; state.reply = state.edit = 0; $("context").hidden = true; }
async function send() {
  const text = $("text").value;
  if (!text.trim() || !state.chat || send.text === text) return; // Enter twice sends once
  const { reply, edit } = state, path = here(edit ? "edit" : "text");
  const body = edit ? { message_id: edit, text } : { text, reply_to: reply };
  send.text = text;
  send.done = Promise.resolve(send.done).catch(() => {}).then(() => call(path, body)).finally(() => { if (send.text === text) send.text = ""; });
  await send.done;
  if (state.reply === reply && state.edit === edit) cancel();
  if ($("text").value === text) $("text").value = "";
  $("menu").hidden = true;
}
async function offer() {
  const prefix = `@${state.world.bot.username} `, text = $("text").value, draft = ++state.draft;
  if (!text.startsWith(prefix) || !state.chat) return;
  await new Promise((done) => { setTimeout(done, 300); });
  if (draft !== state.draft) return;
  const answer = await call(here("inline"), { query: text.slice(prefix.length) });
  if (draft !== state.draft) return;
  $("menu").replaceChildren(...answer.results.map((result) => button([result.title, result.description].filter(Boolean).join(" — "), async () => {
    await call(here("choose"), { query_id: answer.query_id, result_id: result.id });
    $("text").value = "";
    $("menu").hidden = true;
  })));
  $("menu").hidden = !answer.results.length;
}
async function toggleCommands() {
  if (!state.chat) return;
  const open = $("menu").hidden;
  if (open) {
    const commands = await call(here("commands"));
    $("menu").replaceChildren(...commands.map((item) => button(`/${item.command} — ${item.description}`, async () => {
      await call(here("text"), { text: `/${item.command}` });
      $("menu").hidden = true;
    })));
    if (!commands.length) $("menu").append("The bot has set no commands here");
  }
  $("menu").hidden = !open;
  $("commands").setAttribute("aria-expanded", String(open));
}
async function upload() {
  const [file] = $("file").files;
  if (!file || !state.chat) return;
  const form = new FormData();
  form.append("kind", /^image\/(png|jpeg|gif|webp)$/.test(file.type) ? "photo" : "document");
  form.append("caption", $("text").value);
  form.append("reply_to", String(state.reply));
  form.append("file", file);
  $("file").value = "";
  await call(here("file"), form);
  $("text").value = "";
  cancel();
}

async function happened(event) {
  if (event.kind === "action" && event.chat_id === state.chat?.id) {
    $("typing").textContent = `${state.world.bot.first_name}: ${event.action.replaceAll("_", " ")}…`;
    clearTimeout(happened.timer);
    happened.timer = setTimeout(() => { $("typing").textContent = ""; }, 5000);
    return;
  }
  if (event.kind === "people" || event.kind === "chat") await loadPeople();
  if (event.kind === "message") {
    $("typing").textContent = "";
    for (const { person, chats } of state.chats) {
      const key = `${person.id}/${event.chat_id}`;
      const open = person.id === state.person && event.chat_id === state.chat?.id;
      if (!open && chats.some((chat) => chat.id === event.chat_id)) state.unread.set(key, (state.unread.get(key) || 0) + 1);
    }
    drawChats();
  }
  if (event.kind !== "commands") await refresh();
}

$("composer").addEventListener("submit", (event) => { event.preventDefault(); send(); });
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
  if (event.key === "Escape") { cancel(); $("menu").hidden = true; }
});
$("text").addEventListener("input", offer);
$("commands").addEventListener("click", toggleCommands);
$("attach").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", upload);
$("context").querySelector("button").addEventListener("click", cancel);
$("block").addEventListener("click", () => call(`people/${state.person}/${$("block").textContent.startsWith("Un") ? "unblock" : "block"}`, {}));

loadPeople().then(() => {
  const [first] = state.chats;
  if (first) open(first.person, first.chats[0]);
  const stream = new EventSource(`/sandbox/stream?after=${state.world.seq}`);
  let before = Promise.resolve();
  stream.addEventListener("message", (event) => {
    const next = () => happened(JSON.parse(event.data));
    before = before.then(next, next);
  });
});
