// What can stand behind the person. Names and colours are the service's (pipeline/spec); a test
// compares them.

export const colours = [
  { id: "white", colour: "#FFFFFF" },
  { id: "red", colour: "#FF0000" },
  { id: "blue", colour: "#438EDB" },
  { id: "dark-blue", colour: "#1F4E9C" },
  { id: "light-blue", colour: "#A9CFF0" },
  { id: "grey", colour: "#E4E4E4" },
];

/** All choices in the order of the swatches. */
export const choices = [...colours.map((c) => c.id), "custom", "original", "transparent"];

/** The colour of a background as the service is sent it (a name, #RRGGBB, ...); null when it has none. */
export function colourOf(background) {
  if (background.startsWith("#")) {
    return background;
  }
  return colours.find((c) => c.id === background)?.colour ?? null;
}

/** The choice that a background belongs to. */
export function choiceOf(background) {
  return background.startsWith("#") ? "custom" : background;
}

/** #RRGGBB in capitals, or null when the text is no such colour. */
export function parseColour(text) {
  const digits = /^\s*#?([0-9a-f]{6})\s*$/i.exec(text);
  return digits ? `#${digits[1].toUpperCase()}` : null;
}

/** Fills an element with a background; its tone says which lines show on it. */
export function paint(el, background) {
  const colour = colourOf(background);
  el.dataset.fill = colour ? "colour" : background;
  el.style.setProperty("--fill", colour ?? "transparent");
  el.dataset.tone = background === "transparent" || (colour && luminance(colour) > 0.45) ? "light" : "dark";
}

function luminance(colour) {
  const [r, g, b] = [1, 3, 5].map((i) => (parseInt(colour.slice(i, i + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
