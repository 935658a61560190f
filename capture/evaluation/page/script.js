"use strict";
// A click on an output, or Enter, opens it beside its target; the slider moves with the mouse and with the arrow keys.
const dialog = document.querySelector("dialog");
const stage = dialog.querySelector(".stage");
const slider = dialog.querySelector("input");
const show = () => stage.style.setProperty("--share", slider.value + "%");
slider.addEventListener("input", show);
for (const button of document.querySelectorAll("button.compare")) {
  button.addEventListener("click", () => {
    const output = button.querySelector("img");
    const target = button.closest(".pair").querySelector("img.target");
    stage.querySelector(".under").src = target.src;
    stage.querySelector(".over").src = output.src;
    dialog.querySelector(".title").textContent = output.alt;
    slider.value = 50;
    show();
    dialog.showModal();
    slider.focus();
  });
}
stage.addEventListener("pointermove", (event) => {
  if (event.buttons !== 1) return;
  const box = stage.getBoundingClientRect();
  slider.value = Math.max(0, Math.min(100, (100 * (event.clientX - box.left)) / box.width));
  show();
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
