// The old picture stays until the browser has decoded the new one.
export default {
  render({ model, el }) {
    const image = document.createElement("img");
    image.style.cssText = "width: 100%; height: auto; display: block";
    el.append(image);
    let address = "";
    const show = () => {
      const old = address;
      address = URL.createObjectURL(new Blob([model.get("value")], { type: "image/png" }));
      image.src = address;
      URL.revokeObjectURL(old);
    };
    const describe = () => {
      image.alt = model.get("description");
    };
    model.on("change:value", show);
    model.on("change:description", describe);
    describe();
    show();
    return () => URL.revokeObjectURL(address);
  },
};
