// JupyterLab takes the arrow keys to move between cells, before a control in an output hears of them;
// it leaves alone what carries this attribute. Buttons get none: from them Shift+Enter still goes on.
const OWN_KEYS = ".widget-radio-box, .widget-dropdown, .widget-slider";

export default {
  render({ el }) {
    el.style.display = "none";
    let over = false;
    const listen = () => {
      const form = el.closest(".widget-vbox");
      if (form) {
        form.addEventListener("focusin", (event) => {
          if (event.target.closest(OWN_KEYS)) {
            event.target.setAttribute("data-lm-suppress-shortcuts", "true");
          }
        });
      } else if (!over) {
        requestAnimationFrame(listen); // not in its form yet
      }
    };
    listen();
    return () => {
      over = true;
    };
  },
};
