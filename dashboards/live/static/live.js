// The page follows the ledger: when the store moves on, the parts that changed are replaced; nothing else is touched.
(() => {
  "use strict";
  const { trial, position, now } = document.body.dataset;
  const follows = now === "yes";
  let shown = Number(position);
  let newest = Number(document.body.dataset.newest);
  let sequence = 0;
  let busy = false;
  let again = false;

  const partsOf = (root) => [...root.querySelectorAll("[data-part]")];
  const served = new Map(partsOf(document).map((part) => [part.dataset.part, part.innerHTML]));

  async function draw(figure, place) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const drawing = figure.querySelector(".drawing");
    const { clientWidth: width, clientHeight: height } = place.querySelector(".drawing");
    await vegaEmbed(drawing, { ...spec, width, height }, { ast: true, actions: false, renderer: "svg", defaultStyle: false });
    figure.dataset.drawn = "yes";
  }
  const charts = (root) => [...root.querySelectorAll("[data-chart]")];
  const drawAll = (root, places = charts(root)) => Promise.all(charts(root).map((figure, n) => draw(figure, places[n] ?? figure)));

  function keepWhatTheReaderDid(before, after) {
    for (const details of before.querySelectorAll("details[open][id]")) {
      after.querySelector(`#${CSS.escape(details.id)}`)?.setAttribute("open", "");
    }
    const focused = before.contains(document.activeElement) ? document.activeElement : null;
    const places = [...before.querySelectorAll("a, button, summary, [tabindex]")];
    const place = focused ? places.indexOf(focused) : -1;
    const scrolled = [...before.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
    return () => {
      [...after.querySelectorAll(".scroll")].forEach((box, n) => box.scrollTo(...(scrolled[n] ?? [0, 0])));
      if (place >= 0) [...after.querySelectorAll("a, button, summary, [tabindex]")][place]?.focus({ preventScroll: true });
    };
  }

  async function replace(page, mine) {
    const incoming = new Map(partsOf(page).map((part) => [part.dataset.part, part]));
    if ([...incoming.keys()].join() !== [...served.keys()].join()) return location.reload();
    for (const before of partsOf(document)) {
      const name = before.dataset.part;
      const text = incoming.get(name).innerHTML;
      if (text === served.get(name)) continue;
      const after = document.importNode(incoming.get(name), true);
      const restore = keepWhatTheReaderDid(before, after);
      await drawAll(after, charts(before));
      if (mine !== sequence) return;
      before.replaceWith(after);
      restore();
      served.set(name, text);
    }
  }

  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    const began = performance.now();
    const mine = ++sequence;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok && mine === sequence) {
        await replace(page, mine);
        shown = Number(page.body.dataset.position);
        document.body.dataset.position = shown;
        document.title = page.title;
        const scrub = document.querySelector("[data-scrub]");
        if (scrub && document.activeElement !== scrub) { scrub.max = shown; scrub.value = shown; scrubbed(); }
      }
    } finally {
      const rest = Math.max(50, performance.now() - began);
      setTimeout(() => { busy = false; if (again || newest > shown) { again = false; refresh(); } }, rest);
    }
  }

  function scrubbed() {
    const scrub = document.querySelector("[data-scrub]");
    scrub.parentElement.querySelector("output").value = Number(scrub.value).toLocaleString("en");
  }

  function countNewer() {
    const place = document.querySelector("[data-newer]");
    const more = newest - shown;
    if (place) place.textContent = `${more.toLocaleString("en")} newer ${more === 1 ? "fact" : "facts"}`;
  }

  function listen() {
    const feed = new EventSource("/live");
    let first = true;
    feed.addEventListener("stored", (event) => {
      newest = Number(JSON.parse(event.data)[trial] ?? newest);
      const moved = !first || newest > shown;
      first = false;
      if (!follows) return countNewer();
      if (moved) refresh();
    });
    feed.onerror = () => document.body.classList.add("unheard");
    feed.onopen = () => document.body.classList.remove("unheard");
    addEventListener("pagehide", () => feed.close());
  }

  const scrub = document.querySelector("[data-scrub]");
  scrub?.addEventListener("input", scrubbed);
  scrub?.addEventListener("change", () => {
    document.querySelector("#as-of").value = scrub.value;
    scrub.form.requestSubmit();
  });
  let width = innerWidth;
  addEventListener("resize", () => { if (width !== innerWidth) { width = innerWidth; drawAll(document); } });
  drawAll(document).then(() => { document.body.dataset.ready = "yes"; });
  listen();
})();
