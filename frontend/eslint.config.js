import js from '@eslint/js'
import globals from 'globals'
import vue from 'eslint-plugin-vue'
import a11y from 'eslint-plugin-vuejs-accessibility'
import ts from 'typescript-eslint'

export default ts.config(
  { ignores: ['dist/**', 'src/api/schema.d.ts'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...ts.configs.stylistic,
  ...vue.configs['flat/recommended'],
  ...a11y.configs['flat/recommended'],
  {
    files: ['**/*.ts', '**/*.vue'],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { parser: ts.parser, sourceType: 'module' },
    },
    rules: {
      'no-undef': 'off', // the type checker knows better
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // A label beside its field with `for` is as good as one around it.
      'vuejs-accessibility/form-control-has-label': ['error', { labelComponents: ['AppField'] }],
      'vuejs-accessibility/label-has-for': ['error', { required: { some: ['nesting', 'id'] } }],
      // Layout of templates is the author's; these rules are about line breaks only.
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': ['error', { html: { void: 'always', normal: 'always', component: 'always' } }],
      'vue/multi-word-component-names': 'off',
      'vue/require-default-prop': 'off', // optional props are typed as optional
      'vue/no-v-html': 'error',
      // The policy forbids inline style: `:style` goes through the CSSOM, `style=""` would be blocked.
      'vue/no-static-inline-styles': 'error',
    },
  },
  { files: ['src/sw.js'], languageOptions: { globals: globals.serviceworker } },
  { files: ['scripts/**', '*.config.*'], languageOptions: { globals: globals.node } },
)
