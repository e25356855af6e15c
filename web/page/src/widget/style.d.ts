declare module "style:page" {
  const text: string;
  export default text;
}
