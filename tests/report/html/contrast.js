// Every piece of text that is seen whose contrast is below 4.5 (WCAG 2.2, level AA), with the contrast.
const rgba = (text) => {
  const parts = text.match(/[\d.]+/g).map(Number);
  const scale = text.startsWith("color(") ? 255 : 1;
  return [...parts.slice(0, 3).map((v) => v * scale), parts.length > 3 ? parts[3] : 1];
};
const over = ([r, g, b, a], under) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a));
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((v) => { const c = v / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const background = (element) => {
  const layers = [];
  for (let e = element; e; e = e.parentElement) layers.unshift(rgba(getComputedStyle(e).backgroundColor));
  return layers.reduce((under, layer) => over(layer, under), [255, 255, 255]);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const low = [];
let seen = 0;
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || element.closest("script, style, .unseen")) continue;
  if (!element.checkVisibility({ visibilityProperty: true })) continue;
  seen += 1;
  const under = background(element);
  const ink = over(rgba(getComputedStyle(element).color), under);
  const [dark, bright] = [luminance(under), luminance(ink)].sort((x, y) => x - y);
  const contrast = (bright + 0.05) / (dark + 0.05);
  if (contrast < 4.5) low.push(`${walker.currentNode.textContent.trim()}: ${contrast.toFixed(2)}`);
}
return [seen, low];
