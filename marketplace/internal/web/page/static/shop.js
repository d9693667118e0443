// The shop's only script. It submits the forms of books without leaving the page,
// replaces the shelf when it changes, loads the page again when the browser has another
// reader, and polls parts of pages. Without the script, forms and links work as usual.
"use strict";
(() => {
  const said = document.getElementById("said");
  let quiet;
  // say shows a message for 8 seconds; screen readers announce it.
  const say = text => {
    said.textContent = text.replace(/\s+/g, " ").trim();
    clearTimeout(quiet);
    quiet = setTimeout(() => { said.textContent = ""; }, 8000);
  };
  const count = number => {
    const place = document.querySelector("[data-count]:not(.live)");
    if (place && number !== undefined && number !== "") place.textContent = Number(number) || "";
  };
  const element = html => {
    const holder = document.createElement("template");
    holder.innerHTML = html.trim();
    return holder.content.firstElementChild;
  };
  const focus = place => {
    if (!place) return;
    if (!place.matches("button, a")) place.tabIndex = -1;
    place.focus({ preventScroll: true });
  };

  // showForm replaces all forms of a book that are of the same kind.
  const showForm = html => {
    const now = element(html);
    const { book, widget } = now.dataset;
    document.querySelectorAll(`form.actions[data-book="${book}"][data-widget="${widget}"]`).forEach(old => {
      const held = old.contains(document.activeElement) && document.activeElement.dataset.control;
      const copy = now.cloneNode(true);
      copy.elements.return.value = old.elements.return.value;
      old.replaceWith(copy);
      if (held) focus(copy.querySelector(`[data-control="${held}"]`) || copy.querySelector("button"));
    });
  };

  // The reader of the page: a tag, "nobody" for a visitor without a cookie, nothing for a
  // page that is not loaded again. Each page tells the other tabs.
  const page = document.body.dataset, nobody = "nobody";
  const tabs = new BroadcastChannel("reader" + (page.root || "")); // other shops of the host have other readers
  const tell = first => { if (page.reader) tabs.postMessage({ reader: page.reader, first }); };
  let outdated = false;
  const renew = () => { if (outdated && !document.hidden) location.reload(); };
  // become shows another reader. After a first write the page is that of the new reader:
  // it only lacks the live shelf. It returns whether that was so.
  const become = (reader, first) => {
    if (!page.reader || !reader || page.reader === reader) return false;
    if (first && page.reader === nobody) {
      page.reader = reader;
      open();
      return true;
    }
    outdated = true;
    renew();
    return false;
  };
  tabs.onmessage = event => become(event.data.reader, event.data.first);
  document.addEventListener("visibilitychange", renew);

  // The page that follows a reader's file has the token that takes it back. The browser keeps
  // the last one for "Your books", which offers it to the same reader.
  const keptAt = "brought" + (page.root || "");
  const keepBrought = () => {
    const made = document.querySelector("form.unbring[data-owner]");
    if (made) localStorage.setItem(keptAt, JSON.stringify({ owner: made.dataset.owner, batch: made.elements.batch.value }));
    if (document.querySelector("[data-unkept]")) localStorage.removeItem(keptAt);
    const kept = JSON.parse(localStorage.getItem(keptAt)), offer = document.querySelector("[data-kept]");
    if (!kept || !offer || kept.owner !== page.reader) return;
    offer.querySelector("button").addEventListener("click", () => {
      const form = element(`<form method="post" hidden><input name="batch"></form>`);
      form.action = offer.dataset.kept;
      form.elements.batch.value = kept.batch;
      document.body.append(form);
      form.submit();
    });
    offer.hidden = false;
  };
  try {
    keepBrought();
  } catch { /* the browser stores nothing: the page that follows the file is enough */ }

  // The forms of a page of nobody are sent one after the other: the first one brings the
  // cookie, and those sent beside it would bring others.
  let last = Promise.resolve();
  const send = (form, button) => {
    const body = new URLSearchParams(new FormData(form, button));
    const post = () => fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    if (page.reader !== nobody) return post();
    last = last.then(post, post);
    return last;
  };

  document.addEventListener("submit", async event => {
    const form = event.target;
    if (!form.matches("form.actions")) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "yes";
    try {
      const answer = await send(form, event.submitter);
      if (answer.status >= 400 && answer.status < 500) { // the page says why, such as that no cookie is kept
        const refusal = new DOMParser().parseFromString(await answer.text(), "text/html");
        say(refusal.querySelector(".lead").textContent);
        return;
      }
      if (!answer.ok) throw new Error(answer.status);
      const done = await answer.json();
      showForm(done.html);
      count(done.count);
      if (become(done.reader, true)) tell(true);
      if (!live()) say(done.said); // else showShelf does
    } catch {
      say("That could not be kept just now. Nothing is lost: try again in a moment.");
    } finally {
      delete form.dataset.busy;
    }
  });

  // Addresses of lists have no empty parameters.
  document.addEventListener("formdata", event => {
    if (!event.target.matches(".refine")) return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });

  // The search box is a combobox: it suggests books, authors, series and categories.
  const box = document.querySelector("[data-suggest]");
  const suggestPause = 150;
  let suggestTimer, suggesting;
  const options = () => [...document.querySelectorAll("#suggestions [role=option]")];
  const chosen = () => document.querySelector("#suggestions [aria-selected=true]");
  const choose = option => {
    for (const o of options()) o.setAttribute("aria-selected", o === option);
    if (!option) return box.removeAttribute("aria-activedescendant");
    box.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };
  const hideSuggestions = () => {
    clearTimeout(suggestTimer);
    suggesting?.abort();
    const list = document.getElementById("suggestions");
    list.hidden = true;
    list.replaceChildren();
    box.setAttribute("aria-expanded", false);
    box.removeAttribute("aria-activedescendant");
  };
  const suggest = async () => {
    suggesting?.abort();
    suggesting = new AbortController();
    const asked = box.value.trim();
    try {
      const answer = await fetch(`${box.dataset.suggest}?q=${encodeURIComponent(asked)}`, { signal: suggesting.signal });
      if (!answer.ok) throw new Error(answer.status);
      const list = element(await answer.text());
      if (asked !== box.value.trim() || document.activeElement !== box) return;
      if (!list.children.length) return hideSuggestions();
      document.getElementById("suggestions").replaceWith(list);
      box.setAttribute("aria-expanded", true);
      box.removeAttribute("aria-activedescendant");
    } catch (failure) { // the search itself goes on working
      if (failure.name !== "AbortError") hideSuggestions();
    }
  };
  if (box) {
    const list = element(`<ul class="suggestions" id="suggestions" role="listbox" aria-label="Suggestions" hidden></ul>`);
    box.after(list);
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": "suggestions", "aria-expanded": false })) box.setAttribute(name, value);
    box.addEventListener("input", () => {
      clearTimeout(suggestTimer);
      if (box.value.trim()) suggestTimer = setTimeout(suggest, suggestPause);
      else hideSuggestions();
    });
    box.addEventListener("keydown", event => {
      if (event.isComposing) return;
      const all = options(), now = all.indexOf(chosen());
      if (event.key === "ArrowDown" && !all.length && box.value.trim()) suggest();
      else if (event.key === "ArrowDown" && all.length) choose(all[now + 1]); // after the last, back to the box
      else if (event.key === "ArrowUp" && all.length) choose(all[now < 0 ? all.length - 1 : now - 1]);
      else if (event.key === "Escape" && all.length) hideSuggestions();
      else {
        if (event.key === "ArrowLeft" || event.key === "ArrowRight" || event.key === "Home" || event.key === "End") choose();
        return;
      }
      event.preventDefault();
    });
    box.addEventListener("blur", hideSuggestions);
    box.form.addEventListener("submit", event => {
      const option = chosen();
      if (option) {
        event.preventDefault();
        location.assign(option.dataset.address);
      }
      hideSuggestions();
    });
    box.form.addEventListener("pointerdown", event => { if (event.target.closest("#suggestions")) event.preventDefault(); }); // keeps the focus
    box.form.addEventListener("click", event => {
      const option = event.target.closest("#suggestions [role=option]");
      if (option) location.assign(option.dataset.address);
    });
  }

  // The live shelf.
  const live = () => document.querySelector("[data-live]");
  const firstPause = 1000, longestPause = 60000;
  let source, timer, pause = firstPause;

  const showShelf = html => {
    const old = live(), now = element(html);
    const held = old.contains(document.activeElement) && document.activeElement;
    const book = held && held.closest("[data-book]")?.dataset.book;
    old.replaceWith(now);
    if (held) focus(book && now.querySelector(`[data-book="${book}"] button`) || now.querySelector("h1, h2"));
    count(now.dataset.count);
    const changed = now.querySelector(".changed");
    if (changed) say(changed.textContent.replace("Changed just now", "Your shelf has changed"));
  };

  const close = () => {
    clearTimeout(timer);
    if (source) source.close();
    source = undefined;
  };
  // open follows the changes after the shelf that is shown; nobody's does not change.
  // Browsers reconnect by themselves after a broken connection, but not after an error
  // status.
  const open = () => {
    close();
    const shelf = live();
    if (!shelf || document.hidden || page.reader === nobody) return;
    const url = new URL(shelf.dataset.live, location);
    url.searchParams.set("reader", page.reader);
    if (shelf.dataset.version) url.searchParams.set("after", shelf.dataset.version);
    source = new EventSource(url);
    source.addEventListener("open", () => { pause = firstPause; });
    source.addEventListener("shelf", event => showShelf(event.data));
    source.addEventListener("reader", () => {
      close();
      location.reload();
    });
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      timer = setTimeout(open, pause);
      pause = Math.min(2 * pause, longestPause);
    });
  };
  document.addEventListener("visibilitychange", open);
  addEventListener("pagehide", close);
  addEventListener("pageshow", event => {
    open();
    // A page that is returned to may be of another reader. Its live shelf tells; without
    // one, the page is loaded again.
    const returned = event.persisted || performance.getEntriesByType("navigation")[0]?.type === "back_forward";
    if (returned && page.reader && !source) location.reload();
    else tell(false);
  });

  // A part of a page that is polled every second while the page is visible.
  const pollPause = 1000, pollTimeout = 5000;
  let nextPoll, polling;
  const readIn = part => !getSelection().isCollapsed && part.contains(getSelection().anchorNode);
  const poll = async () => {
    clearTimeout(nextPoll);
    const part = document.querySelector("[data-poll]");
    if (!part || document.hidden || polling) return;
    polling = true;
    const lost = part.querySelector("[data-lost]");
    try {
      const answer = await fetch(part.dataset.poll, { signal: AbortSignal.timeout(pollTimeout) });
      if (!answer.ok) throw new Error(answer.status);
      const now = element(await answer.text());
      if (!readIn(part)) part.replaceWith(now); // keep selected text, so that it can be copied
    } catch {
      if (lost.hidden) say(lost.textContent); // once, not every second
      lost.hidden = false;
    }
    polling = false;
    nextPoll = setTimeout(poll, pollPause);
  };
  document.addEventListener("visibilitychange", poll);
  addEventListener("pageshow", () => { nextPoll = setTimeout(poll, pollPause); });
})();
