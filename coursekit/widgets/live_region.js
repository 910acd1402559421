// The region stays in the page and only what is in it changes: a screen reader speaks such a change,
// and says nothing of a region that arrives with its words already in it.
const CHIP =
  "position: absolute; right: 0; bottom: 100%; padding: 0 6px; font-style: italic; " +
  "color: var(--jp-ui-font-color1, #333); background: var(--jp-layout-color1, #fff)";

export default {
  render({ model, el }) {
    el.style.position = "relative";
    const region = document.createElement("div");
    region.setAttribute("role", model.get("role"));
    region.setAttribute("aria-live", model.get("role") === "alert" ? "assertive" : "polite");
    region.style.lineHeight = "1.4";
    const waiting = document.createElement("div"); // seen beside the old words, and not spoken
    waiting.setAttribute("aria-hidden", "true");
    waiting.className = "ck-waiting";
    waiting.style.cssText = CHIP;
    el.append(region, waiting);
    const mark = () => {
      const words = model.get("busy");
      region.setAttribute("aria-busy", words ? "true" : "false");
      region.style.opacity = words ? "0.4" : "1";
      waiting.textContent = words;
      waiting.style.display = words ? "block" : "none";
    };
    const show = () => {
      mark(); // first: what changes in a busy region is not spoken
      region.innerHTML = model.get("value");
    };
    const visit = () => {
      region.tabIndex = -1;
      region.style.outline = "none";
      region.focus({ preventScroll: true });
      region.scrollIntoView({ block: model.get("lands") });
    };
    model.on("change:value", show);
    model.on("change:busy", mark);
    model.on("change:visits", visit);
    show();
  },
};
