// The region stays in the page and only what is in it changes: a screen reader speaks such a change,
// and says nothing of a region that arrives with its words already in it.
export default {
  render({ model, el }) {
    const region = document.createElement("div");
    region.setAttribute("role", model.get("role"));
    region.setAttribute("aria-live", model.get("role") === "alert" ? "assertive" : "polite");
    region.style.lineHeight = "1.4";
    el.append(region);
    const show = () => {
      region.innerHTML = model.get("value");
    };
    model.on("change:value", show);
    show();
  },
};
