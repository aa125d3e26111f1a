// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <utility>
#include <vector>

#include <wring/protocols/http/detail/characters.hpp>

#include "parsed_message.hpp"
#include "support/temporary_folder.hpp"

namespace wring::tests {

/// What llhttp, the parser of Node's server, makes of the message at the beginning of each text; reached as Node's own
/// tests do. None if there is no node, or one with another llhttp than 9, which refuses other things.
class node_parser {
 public:
  static std::optional<std::vector<parsed_message>> parse(const std::vector<std::string>& texts) {
    const temporary_folder folder;
    const std::string script = folder / "parse.js";
    const std::string input = folder / "input";
    const std::string output = folder / "output";
    std::ofstream(script) << program;
    std::ofstream file(input, std::ios::binary);
    for (const std::string& text : texts) file << text.size() << ':' << text;
    file.close();
    const std::string command =
        "NODE_NO_WARNINGS=1 node --expose-internals '" + script + "' '" + input + "' '" + output + "'";
    const int status = std::system(command.c_str());
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == 77 || code == 127) return std::nullopt;
    if (code != 0) throw std::runtime_error("node failed");
    std::ifstream results(output, std::ios::binary);
    node_parser reader(std::string(std::istreambuf_iterator<char>(results), {}));
    std::vector<parsed_message> found;
    while (!reader.left_.empty()) found.push_back(reader.take_message());
    return found;
  }

 private:
  /// Feeds it byte by byte: it does not tell where a message has ended. Texts stand behind their sizes and a colon, in
  /// both files.
  static constexpr std::string_view program = R"(
    const fs = require('fs');
    if (!/^9\./.test(process.versions.llhttp)) process.exit(77);
    const {HTTPParser, allMethods} = require('internal/test/binding').internalBinding('http_parser');
    const put = (text) => text.length + ':' + text;
    const putFields = (fields) => put(String(fields.length / 2)) + fields.map(put).join('');
    const parse = (text) => {
      const m = {verdict: 'incomplete', method: '', target: '', minor: 0, persistent: false, body: '', fields: [],
                 trailers: [], size: 0};
      const parser = new HTTPParser();
      parser.initialize(HTTPParser.REQUEST, {});
      let headComplete = false;  // what comes behind it are trailers
      parser[HTTPParser.kOnHeaders | 0] = (fields, target) => {
        (headComplete ? m.trailers : m.fields).push(...fields);
        if (!headComplete) m.target += target;
      };
      parser[HTTPParser.kOnHeadersComplete | 0] =
          (major, minor, fields, method, target, status, message, upgrade, persistent) => {
        headComplete = true;
        m.fields.push(...(fields || []));
        m.target += target || '';
        m.method = allMethods[method];
        m.minor = minor;
        m.persistent = persistent;
        return 0;
      };
      parser[HTTPParser.kOnBody | 0] = (buffer, at, size) => {
        m.body += (at === undefined ? buffer : buffer.subarray(at, at + size)).toString('latin1');
      };
      parser[HTTPParser.kOnMessageComplete | 0] = () => { m.verdict = 'done'; };
      for (let i = 0; i < text.length && m.verdict === 'incomplete'; ++i) {
        const result = parser.execute(text.subarray(i, i + 1));
        if (m.verdict === 'done') m.size = i + 1;
        else if (result instanceof Error) m.verdict = `${result.code}: ${result.reason}`;
      }
      return m;
    };
    const input = fs.readFileSync(process.argv[2]);
    const found = [];
    for (let at = 0; at < input.length;) {
      const colon = input.indexOf(':', at);
      const end = colon + 1 + Number(input.toString('latin1', at, colon));
      const m = parse(input.subarray(colon + 1, end));
      at = end;
      const texts = [m.verdict, String(m.size), m.method, m.target, String(m.minor), m.persistent ? '1' : '0', m.body];
      found.push(texts.map(put).join('') + putFields(m.fields) + putFields(m.trailers));
    }
    fs.writeFileSync(process.argv[3], found.join(''), 'latin1');
  )";

  explicit node_parser(std::string all) : all_(std::move(all)), left_(all_) {}

  std::string take() {
    const std::size_t colon = left_.find(':');
    if (colon == std::string_view::npos) throw std::runtime_error("node has written something else");
    const std::size_t size = std::stoul(std::string(left_.substr(0, colon)));
    std::string text(left_.substr(colon + 1, size));
    left_.remove_prefix(colon + 1 + size);
    return text;
  }
  parsed_message::field_list take_fields() {
    parsed_message::field_list fields(std::stoul(take()));
    for (auto& [name, value] : fields) {
      name = take();
      for (char& c : name) c = http::detail::lower(c);
      value = take();
    }
    return fields;
  }
  parsed_message take_message() {
    parsed_message m;
    m.verdict = take();
    m.size = std::stoul(take());
    m.method = take();
    m.target = take();
    m.minor = std::stoi(take());
    m.persistent = take() == "1";
    m.body = take();
    m.fields = take_fields();
    m.trailers = take_fields();
    // It does not say so, but takes nothing for chunks that has no such field.
    for (const auto& field : m.fields) m.chunked = m.chunked || field.first == "transfer-encoding";
    return m;
  }

  std::string all_;
  std::string_view left_;
};

}  // namespace wring::tests
